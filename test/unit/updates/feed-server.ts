/** A folder of an update feed on loopback, whose server can cut off responses, and what signs its feed. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeUpdateKey, signFeed } from '../../../scripts/lib/update-feed.ts';
import { UPDATE_FEED_FILE, UPDATE_FORMAT, type UpdateFeed } from '../../../shared/updates.ts';

export const KEY = makeUpdateKey('test');
/** Time of the tests’ clock at their start. */
export const NOW_MS = Date.UTC(2026, 11, 1);
export const DAY_MS = 86_400_000;
export const PACKAGE = Buffer.alloc(300_000, 'new version ');
const NAME = 'idlewatt-9.0.0-linux-x86_64.AppImage';

export interface FeedServer {
  /** Address of the folder. */
  readonly url: string;
  /** Contents by name. */
  readonly files: Map<string, Buffer | string>;
  /** Requested names, each with its `range` if it has one. */
  readonly requests: string[];
  /** Number of following responses with a package that end half-way. */
  cuts: number;
  /** Signs and publishes a feed that differs from a good one in these fields. */
  publish(change?: Partial<UpdateFeed>, key?: typeof KEY): Promise<void>;
  close(): Promise<void>;
}

export function feedWith(change: Partial<UpdateFeed> = {}): UpdateFeed {
  return {
    format: UPDATE_FORMAT,
    version: '9.0.0',
    issuedAtMs: NOW_MS - DAY_MS,
    expiresAtMs: NOW_MS + 30 * DAY_MS,
    stagedPercent: 100,
    fromVersion: '0.1.0',
    files: [
      {
        ...{ kind: 'appimage' as const, arch: 'x64' as const, name: NAME, bytes: PACKAGE.length },
        sha512: createHash('sha512').update(PACKAGE).digest('hex'),
      },
    ],
    ...change,
  };
}

export async function startFeedServer(): Promise<FeedServer> {
  const server = createServer((request, response) => {
    const name = (request.url ?? '').slice('/releases/'.length);
    const { range } = request.headers;
    folder.requests.push(range === undefined ? name : `${name} ${range}`);
    const content = folder.files.get(name);
    if (content === undefined) return void response.writeHead(404).end();
    const whole = Buffer.from(content);
    const from = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
    const body = whole.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': body.length,
      ...(from > 0 && { 'content-range': `bytes ${from}-${whole.length - 1}/${whole.length}` }),
    });
    const isCut = name !== UPDATE_FEED_FILE && folder.cuts > 0;
    if (!isCut) return void response.end(body);
    folder.cuts -= 1;
    response.write(body.subarray(0, body.length / 2), () => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const folder: FeedServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/releases/`,
    files: new Map([[NAME, PACKAGE]]),
    requests: [],
    cuts: 0,
    async publish(change, key = KEY) {
      folder.files.set(UPDATE_FEED_FILE, await signFeed(feedWith(change), key));
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return folder;
}
