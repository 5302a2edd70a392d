/**
 * `npm run dev [-- --home DIR --port N ...]`: the pages with hot reload and a headless agent that restarts when its
 * source changes. `--home` defaults to .cache/dev-home in the repository, `--port` of the pages to 5173 or the next
 * free one; other options are passed to the agent.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../lib/free-port.ts';
import { buildNativeAndReport } from '../lib/native-build.ts';
import { REPOSITORY } from '../lib/places.ts';
import { readCommandLine, UsageError } from '../lib/usage.ts';

const HELP = `Usage: npm run dev -- [--home DIR] [--port N] [options of the agent]

Runs the pages with hot reload and a headless agent that restarts when its source changes. Ctrl-C stops both.

  --home DIR  data folder (default: .cache/dev-home in the repository)
  --port N    port of the pages (default: 5173 or the next free one)

The options of the agent: npm run agent -- --help`;

const { home, port, rest } = readCommandLine(HELP, () => readArguments(process.argv.slice(2)));
// Loaded only now, so that --help and a wrong command line are answered immediately.
const { keepDevAgent } = await import('../lib/dev-agent.ts');
const { startDevPages } = await import('../lib/dev-pages.ts');
buildNativeAndReport(console.log);
// The same ports after each restart, so that clients of the gateway keep working.
const ports = ['--port', String(await freePort()), '--gateway-port', String(await freePort())];
const agent = keepDevAgent(['--headless', '--home', home, ...ports, ...rest], (line) => console.log(line));
const pages = await startDevPages({ port, upstream: () => agent.ready()?.page ?? null });
console.log(`Data folder: ${home}`);
console.log(`Open ${pages.url}`);
console.log('The pages update when you save a file. Press Ctrl-C to stop.');

let isStopping = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (isStopping) return;
    isStopping = true;
    void Promise.allSettled([agent.stop(), pages.close()]).then(() => process.exit(0));
  });
}

function readArguments(args: string[]): { home: string; port: number; rest: string[] } {
  const { values, tokens } = parseArgs({
    args,
    options: { home: { type: 'string' }, port: { type: 'string', default: '5173' } },
    strict: false,
    tokens: true,
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new UsageError(`Invalid --port "${values.port}". Use a port from 1 to 65535.`);
  }
  const rest = tokens.flatMap((token) => {
    if (token.kind === 'positional') return [token.value];
    if (token.kind !== 'option' || token.name === 'home' || token.name === 'port') return [];
    return token.inlineValue ? [`${token.rawName}=${token.value}`] : [token.rawName];
  });
  const home = typeof values.home === 'string' && values.home !== '' ? values.home : null;
  return { home: home === null ? resolve(REPOSITORY, '.cache/dev-home') : resolve(home), port, rest };
}
