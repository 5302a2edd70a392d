/** CORS (WHATWG Fetch, section 3.3) for web pages whose origin the owner allows; no other page gets any of its headers. */
import type { Context, Hono } from 'hono';
import type { LoopbackExceptions } from '../../../shared/loopback.ts';
import { isLoopbackHost } from '../../../shared/loopback.ts';

const MAX_AGE_S = 600;
const REQUESTED_HEADERS_MAX = 2_000;

/** Answers preflight requests, which have no key, and adds the headers to all other responses. */
export function allowOrigins(app: Hono, exceptions: () => LoopbackExceptions): void {
  app.use(async (context, next) => {
    const origin = context.req.header('origin');
    const { origins, hosts } = exceptions();
    const host = context.req.header('host') ?? '';
    const isHostKnown = isLoopbackHost(host) || hosts.includes(host.toLowerCase().replace(/:\d{1,5}$/, ''));
    if (origin === undefined || !isHostKnown || !origins.includes(origin)) return next();
    context.header('access-control-allow-origin', origin);
    context.header('vary', 'Origin');
    context.header('access-control-expose-headers', '*');
    if (context.req.method !== 'OPTIONS') return next();
    return preflight(context);
  });
}

function preflight(context: Context): Response {
  const headers = (context.req.header('access-control-request-headers') ?? '').slice(
    0,
    REQUESTED_HEADERS_MAX,
  );
  context.header('access-control-allow-methods', 'GET, POST');
  context.header('access-control-allow-headers', headers.replace(/[^a-zA-Z0-9, _-]/g, ''));
  context.header('access-control-max-age', String(MAX_AGE_S));
  return context.body(null, 204);
}
