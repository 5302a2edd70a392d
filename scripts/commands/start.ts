/**
 * `npm start`: starts the app in its window, or with `--headless` only the agent, with its pages in a browser.
 * Without a display or the official Electron it prints the reason and starts headless automatically.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { agentReadySchema } from '../../shared/host.ts';
import { buildAll } from '../lib/build-targets.ts';
import { buildNativeAndReport } from '../lib/native-build.ts';
import { officialElectron } from '../lib/official-electron.ts';
import { REPOSITORY } from '../lib/places.ts';

const ELECTRON_DOWNLOAD_MS_MAX = 180_000;

const parameters = process.argv.slice(2);
const asksForHelp = parameters.includes('--help');
const headless = parameters.includes('--headless') || asksForHelp;

if (!asksForHelp) buildNativeAndReport(console.log);
if (headless) {
  if (!asksForHelp) await buildAll({ only: ['renderer'] });
  await follow(startAgent(parameters));
} else await startDesktop();

async function startDesktop(): Promise<void> {
  const reason = reasonForNoDisplay();
  const electron =
    reason === null
      ? await officialElectron({ downloadMsMax: ELECTRON_DOWNLOAD_MS_MAX, print: console.log })
      : { executable: null, reason };
  if (electron.executable !== null) {
    await buildAll();
    return follow(spawn(electron.executable, [REPOSITORY, ...parameters], { stdio: 'inherit' }));
  }
  console.log(`Idlewatt can't open a window here (${electron.reason}). Starting headless.`);
  await buildAll({ only: ['renderer'] });
  const agent = startAgent(['--headless', ...parameters], 'pipe');
  if (agent.stdout) createInterface({ input: agent.stdout }).on('line', printWithAddress);
  return follow(agent);
}

/** Prints the agent's lines, and after READY the address to open. */
function printWithAddress(line: string): void {
  console.log(line);
  if (!line.startsWith('READY ')) return;
  const { page } = agentReadySchema.parse(JSON.parse(line.slice('READY '.length)));
  if (page) console.log(`Open this address in a browser on this machine: ${page.url}#token=${page.token}`);
}

function startAgent(
  agentParameters: readonly string[],
  stdout: 'inherit' | 'pipe' = 'inherit',
): ChildProcess {
  return spawn(process.execPath, [join(REPOSITORY, 'main/agent-main.ts'), ...agentParameters], {
    stdio: ['ignore', stdout, 'inherit'],
  });
}

/** Forwards signals to the child and exits with its exit code. */
function follow(child: ChildProcess): Promise<void> {
  // A terminal sends Ctrl-C to both processes; the child decides when to exit.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(`Could not start Idlewatt: ${error.message}`);
      process.exitCode = 1;
      resolve();
    });
    child.once('exit', (code, signal) => {
      process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
      resolve();
    });
  });
}

function reasonForNoDisplay(): string | null {
  if (process.platform !== 'linux' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY) return null;
  return 'there is no display';
}
