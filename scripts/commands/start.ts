/**
 * `npm start`: the app in its window, or with `--headless` the agent alone with its pages in a browser. Where there is
 * no display or no official Electron it prints the reason and starts headless. Exits with 2 if the command line is
 * wrong, otherwise as the program that it started.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { runInForeground } from '../../main/adapters/node/index.ts';
import { listCommands } from '../../main/agent-commands/index.ts';
import { isOutputKept } from '../../main/ports/kept-output.ts';
import { noDebuggerFlags } from '../../main/ports/no-debugger.ts';
import { MEMORY_ENVIRONMENT, MEMORY_FLAGS } from '../../main/ports/process-flags.ts';
import { agentArguments, helpText, readOptions, writeArguments } from '../../shared/command-line.ts';
import { isAppError } from '../../shared/errors.ts';
import { pageAddress, parseReadyLine } from '../../shared/host.ts';
import { type ReadOptions, USAGE_EXIT_CODE } from '../../shared/options.ts';
import { VERSION } from '../../shared/version.ts';
import { buildAll } from '../lib/build-targets.ts';
import { buildNativeAndReport } from '../lib/native-build.ts';
import { officialElectron } from '../lib/official-electron.ts';
import { AGENT_PROGRAM, REPOSITORY } from '../lib/places.ts';

const ELECTRON_DOWNLOAD_MS_MAX = 180_000;

const options = readCommandLine();
if (options !== null) {
  buildNativeAndReport(console.log);
  if (options.values.headless) await startHeadless(options);
  else await startDesktop(options);
}

/** Null when there is nothing to start: help, version or a wrong command line, which are printed here. */
function readCommandLine(): ReadOptions | null {
  let read: ReadOptions;
  try {
    read = readOptions(process.argv.slice(2), 'start');
  } catch (error) {
    if (!isAppError(error)) throw error;
    console.error(`idlewatt: ${error.message}`);
    process.exitCode = USAGE_EXIT_CODE;
    return null;
  }
  if (read.values.version) console.log(VERSION);
  else if (read.values.help) {
    const help = helpText('npm start -- [options]', ['start', 'shell', 'agent']);
    console.log(`${help}\n\nCommands (npm run agent -- COMMAND):\n${listCommands()}`);
  } else return read;
  return null;
}

async function startDesktop(read: ReadOptions): Promise<void> {
  const why = withoutDisplay();
  const electron =
    why === null
      ? await officialElectron({ downloadMsMax: ELECTRON_DOWNLOAD_MS_MAX, print: console.log })
      : { executable: null, reason: why };
  if (electron.executable !== null) {
    await buildAll();
    const parameters = [REPOSITORY, ...writeArguments(read.given)];
    process.exitCode = await runInForeground({
      start: () => spawn(electron.executable, parameters, { stdio: 'inherit' }),
      // The shell itself restarts the agent and the app.
      restarts: false,
      print: console.error,
    });
    return;
  }
  console.log(`Idlewatt can’t open a window here (${electron.reason}), so it starts without one.`);
  await buildAll({ only: ['renderer', 'agent'] });
  await runAgent(() => {
    const agent = startAgent(
      ['--headless', ...agentArguments(read.given)],
      isOutputKept() ? 'inherit' : 'pipe',
    );
    if (agent.stdout) createInterface({ input: agent.stdout }).on('line', printWithAddress);
    return agent;
  });
}

async function startHeadless(read: ReadOptions): Promise<void> {
  await buildAll({ only: ['renderer', 'agent'] });
  await runAgent(() => startAgent(agentArguments(read.given), 'inherit'));
}

async function runAgent(start: () => ChildProcess): Promise<void> {
  process.exitCode = await runInForeground({ start, restarts: true, print: console.error });
}

/** Passes a line of the agent on; after READY it prints the pages' address as well. */
function printWithAddress(line: string): void {
  console.log(line);
  const page = parseReadyLine(line)?.page;
  if (page) console.log(`Open this address in a browser on this machine: ${pageAddress(page)}`);
}

function startAgent(agentParameters: readonly string[], stdout: 'inherit' | 'pipe'): ChildProcess {
  return spawn(process.execPath, [...noDebuggerFlags(), ...MEMORY_FLAGS, AGENT_PROGRAM, ...agentParameters], {
    stdio: ['ignore', stdout, 'inherit'],
    env: { ...MEMORY_ENVIRONMENT, ...process.env },
  });
}

function withoutDisplay(): string | null {
  if (process.platform !== 'linux' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY) return null;
  return 'there is no display';
}
