/** For tests: a misbehaving node, made of a proxy on loopback in front of a real one. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Replaces the result of one call; undefined leaves it unchanged. */
export type Lie = (method: string, result: unknown) => unknown;

export interface RpcProxy {
  readonly url: string;
  /** Methods of the received calls, in order. */
  readonly received: string[];
  lie: Lie | null;
  /** `late` never answers in time; `garbage` returns text that isn't JSON; `away` closes the connection. */
  mode: 'honest' | 'late' | 'garbage' | 'away';
  close(): Promise<void>;
}

export async function startRpcProxy(target: string): Promise<RpcProxy> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      void (async () => {
        const call = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { method: string };
        proxy.received.push(call.method);
        if (proxy.mode === 'late') return;
        if (proxy.mode === 'away') return void response.destroy();
        if (proxy.mode === 'garbage') return void response.end('<html>Bad gateway</html>');
        const answer = await fetch(target, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(call),
        });
        const body = (await answer.json()) as { result?: unknown };
        const changed = body.result === undefined ? undefined : proxy.lie?.(call.method, body.result);
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(changed === undefined ? body : { ...body, result: changed }));
      })().catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: RpcProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    lie: null,
    mode: 'honest',
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return proxy;
}
