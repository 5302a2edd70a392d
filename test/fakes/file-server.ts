/** File server on loopback that can misbehave like real ones: drop connections, ignore ranges, refuse, stall. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FileServer {
  readonly url: string;
  /** `range` header of each request; null if absent. */
  readonly ranges: (string | null)[];
  content: Buffer;
  /** Number of following responses whose connection is dropped half-way. */
  cuts: number;
  ignoreRange: boolean;
  status: number | null;
  /** Sends half of the content and then nothing, without closing the connection. */
  stall: boolean;
  close(): Promise<void>;
}

export async function startFileServer(content: Buffer): Promise<FileServer> {
  const server = createServer((request, response) => {
    const range = request.headers.range ?? null;
    files.ranges.push(range);
    if (files.status !== null) {
      response.writeHead(files.status).end();
      return;
    }
    const from = range === null || files.ignoreRange ? 0 : Number(/bytes=(\d+)-/.exec(range)?.[1]);
    if (from >= files.content.length) {
      response.writeHead(416).end();
      return;
    }
    const body = files.content.subarray(from);
    const headers: Record<string, string | number> = { 'content-length': body.length };
    if (from > 0)
      headers['content-range'] = `bytes ${from}-${files.content.length - 1}/${files.content.length}`;
    response.writeHead(from > 0 ? 206 : 200, headers);
    const half = body.subarray(0, body.length / 2);
    if (files.stall) {
      // A resumed download receives headers but no data.
      if (from === 0) response.write(half);
      else response.flushHeaders();
    } else if (files.cuts > 0) {
      files.cuts -= 1;
      response.write(half, () => response.destroy());
    } else response.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const files: FileServer = {
    url: `http://127.0.0.1:${port}/model.gguf`,
    ranges: [],
    content,
    cuts: 0,
    ignoreRange: false,
    status: null,
    stall: false,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return files;
}
