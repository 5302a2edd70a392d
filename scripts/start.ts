/**
 * `npm start`: the app in its window, or with `--headless` the agent alone with its pages in a browser.
 * Where there is no display or no official Electron it says so and goes headless by itself.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pageAddress, parseReadyLine } from '../shared/host.ts';
import { buildAll } from './build.ts';
import { sayNativeBuild } from './build-native.ts';
import { officialElectron } from './official-electron.ts';
import { REPOSITORY } from './places.ts';

const ELECTRON_DOWNLOAD_MS_MAX = 180_000;

const parameters = process.argv.slice(2);
const asksForHelp = parameters.includes('--help');
const headless = parameters.includes('--headless') || asksForHelp;

if (!asksForHelp) sayNativeBuild(console.log);
if (headless) {
  if (!asksForHelp) await buildAll({ only: ['renderer'] });
  await follow(startAgent(parameters));
} else await startDesktop();

async function startDesktop(): Promise<void> {
  const why = withoutDisplay();
  const electron =
    why === null
      ? await officialElectron({ downloadMsMax: ELECTRON_DOWNLOAD_MS_MAX, say: console.log })
      : { executable: null, reason: why };
  if (electron.executable !== null) {
    await buildAll();
    return follow(spawn(electron.executable, [REPOSITORY, ...parameters], { stdio: 'inherit' }));
  }
  console.log(`Idlewatt opens no window here (${electron.reason}), so it runs without one.`);
  await buildAll({ only: ['renderer'] });
  const agent = startAgent(['--headless', ...parameters], 'pipe');
  if (agent.stdout) createInterface({ input: agent.stdout }).on('line', sayWithAddress);
  return follow(agent);
}

/** Passes the agent's lines on, and says READY again as a person would. */
function sayWithAddress(line: string): void {
  console.log(line);
  const page = parseReadyLine(line)?.page;
  if (page) console.log(`Open this address in a browser on this machine: ${pageAddress(page)}`);
}

function startAgent(
  agentParameters: readonly string[],
  stdout: 'inherit' | 'pipe' = 'inherit',
): ChildProcess {
  return spawn(process.execPath, [join(REPOSITORY, 'main/agent-main.ts'), ...agentParameters], {
    stdio: ['ignore', stdout, 'inherit'],
  });
}

/** Passes signals on and ends as the child ended. */
function follow(child: ChildProcess): Promise<void> {
  // A terminal sends Ctrl-C to both of us; the child's own answer to it decides.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(`Idlewatt could not be started: ${error.message}`);
      process.exitCode = 1;
      resolve();
    });
    child.once('exit', (code, signal) => {
      process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
      resolve();
    });
  });
}

function withoutDisplay(): string | null {
  if (process.platform !== 'linux' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY) return null;
  return 'there is no display';
}
