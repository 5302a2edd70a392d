/** A model hub on loopback with the shapes of the Hugging Face hub's public API, and ways to misbehave. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const COMMIT = 'c0'.repeat(20);

export interface HubRepo {
  readonly files: Readonly<Record<string, Buffer>>;
  readonly info?: Readonly<Record<string, unknown>>;
  /** Replaces what the tree says about a file. */
  readonly tree?: (entry: Record<string, unknown>) => unknown;
}

export interface FakeHub {
  readonly origin: string;
  readonly repos: Map<string, HubRepo>;
  /** Runs first; returns true if it answered. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | null;
  /** Paths and ranges of the requests so far. */
  readonly requests: { readonly path: string; readonly range: string | undefined; readonly host: string }[];
  /** Bytes of files that were sent. */
  sentBytes(): number;
  close(): Promise<void>;
}

export async function startFakeHub(): Promise<FakeHub> {
  let sent = 0;
  const hub: FakeHub = {
    origin: '',
    repos: new Map(),
    intercept: null,
    requests: [],
    sentBytes: () => sent,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    hub.requests.push({ path, range: request.headers.range, host: request.headers.host ?? '' });
    if (hub.intercept?.(request, response)) return;
    sent += answer(hub, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(hub, { origin: `http://127.0.0.1:${port}` });
}

export function sendJson(
  response: ServerResponse,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
}

export function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'x-error-code': code, 'content-type': 'text/plain' }).end(code);
}

/** Returns the bytes of a file that it sent. */
function answer({ repos }: FakeHub, request: IncomingMessage, response: ServerResponse): number {
  const url = new URL(request.url ?? '', 'http://hub');
  const parts = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  const isApi = parts[0] === 'api';
  const [owner, name, kind, revision, ...rest] = isApi ? parts.slice(2) : parts;
  const repo = repos.get(`${owner}/${name}`);
  if (repo === undefined) refuse(response, 401, 'RepoNotFound');
  else if (revision !== undefined && revision !== 'main' && revision !== COMMIT)
    refuse(response, 404, 'RevisionNotFound');
  else if (isApi && kind === 'tree') sendJson(response, treeOf(repo));
  else if (isApi)
    sendJson(response, { id: `${owner}/${name}`, sha: COMMIT, private: false, gated: false, ...repo.info });
  else if (kind === 'resolve') return sendFile(repo.files[rest.join('/')], request, response);
  else refuse(response, 404, 'EntryNotFound');
  return 0;
}

function treeOf({ files, tree = (entry) => entry }: HubRepo): unknown[] {
  const folder = { type: 'directory', oid: '0'.repeat(40), size: 0, path: 'folder' };
  const readme = { type: 'file', oid: '1'.repeat(40), size: 10, path: 'README.md' };
  const models = Object.entries(files).map(([path, bytes]) =>
    tree({
      type: 'file',
      oid: '2'.repeat(40),
      size: bytes.length,
      path,
      lfs: {
        oid: createHash('sha256').update(bytes).digest('hex'),
        size: bytes.length,
        pointerSize: 130,
      },
      xetHash: '3'.repeat(64),
    }),
  );
  return [folder, readme, ...models];
}

function sendFile(bytes: Buffer | undefined, { headers }: IncomingMessage, response: ServerResponse): number {
  if (bytes === undefined) {
    refuse(response, 404, 'EntryNotFound');
    return 0;
  }
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = range?.[2] ? Math.min(Number(range[2]), bytes.length - 1) : bytes.length - 1;
  const part = bytes.subarray(start, end + 1);
  response.writeHead(range ? 206 : 200, {
    'content-length': part.length,
    'content-type': 'application/octet-stream',
    ...(range ? { 'content-range': `bytes ${start}-${end}/${bytes.length}` } : {}),
  });
  response.end(part);
  return part.length;
}
