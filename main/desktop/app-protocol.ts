/**
 * `app://idlewatt/`: the only origin that our windows may show. It serves the built pages and nothing else, each with
 * a content security policy that lets it load only from itself.
 */
import { readFile } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';
import { protocol, type Session } from 'electron';
import { pagePolicy } from '../../shared/page-policy.ts';
import { programWords, withProgramWords } from '../../shared/program.ts';

const SCHEME = 'app';
export const APP_ORIGIN = `${SCHEME}://idlewatt`;

/** Pages reach the agent over a message port, so they need no connections. */
const CONTENT_SECURITY_POLICY = pagePolicy([]);

const PROGRAM = programWords(import.meta.url);

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** Must be called before the app is ready. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
}

/** Serves the folder of the built pages to this session; the first page waits until `after` resolves. */
export function serveAppPages(session: Session, folder: string, after?: Promise<unknown>): void {
  session.protocol.handle(SCHEME, async (request) => {
    await after;
    const file = fileFor(request, folder);
    if (file === null) return plain(404);
    try {
      const content = await readFile(file.path);
      const body = file.path.endsWith('index.html') ? withProgramWords(content.toString(), PROGRAM) : content;
      return new Response(body, { headers: headersFor(file.type) });
    } catch {
      return plain(404); // not built
    }
  });
}

function fileFor(request: Request, folder: string): { path: string; type: string } | null {
  const url = new URL(request.url);
  if (url.host !== 'idlewatt' || request.method !== 'GET') return null;
  let name: string;
  try {
    name = decodeURIComponent(url.pathname);
  } catch {
    return null; // not valid percent-encoding
  }
  const path = normalize(join(folder, name === '/' ? 'index.html' : name));
  const type = CONTENT_TYPES[extname(path)];
  return type !== undefined && path.startsWith(folder + sep) ? { path, type } : null;
}

function headersFor(type: string): Record<string, string> {
  return {
    'Content-Type': type,
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-cache',
  };
}

function plain(status: number): Response {
  return new Response('Not found.', { status, headers: headersFor('text/plain; charset=utf-8') });
}
