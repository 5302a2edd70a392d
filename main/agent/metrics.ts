/** Serves Prometheus' metrics on loopback, if the owner asked for them. */
import { METRICS_PATH } from '../../shared/wire.ts';
import { closeHttp, createHttpServer, listenHttp } from '../adapters/http/index.ts';

/** Resolves with the address; null without a port. Port 0 takes any free one. Fails with `port-in-use`. */
export async function serveMetrics(
  read: () => Promise<string>,
  port: number | null,
  onClose: (close: () => Promise<void>) => void,
): Promise<string | null> {
  if (port === null) return null;
  const server = createHttpServer({
    async fetch(request) {
      if (new URL(request.url).pathname !== METRICS_PATH) return new Response('Not found\n', { status: 404 });
      return new Response(await read(), { headers: { 'content-type': 'text/plain; version=0.0.4' } });
    },
  });
  const taken = await listenHttp(server, { host: '127.0.0.1', port, option: '--metrics-port' });
  onClose(() => closeHttp(server));
  return `http://127.0.0.1:${taken}${METRICS_PATH}`;
}
