/**
 * The installed app without a display: the agent alone, or one of its commands. The agent is a child process of plain
 * Node, which is Electron itself where its Node is new enough.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { runInForeground } from '../adapters/node/index.ts';
import { noDebuggerFlags } from '../ports/no-debugger.ts';
import { MEMORY_FLAGS } from '../ports/process-flags.ts';
import { agentEntry, agentEnvironment, pinnedNode, runsInOwnNode } from './agent-entry.ts';

/** Runs the agent until it stops and restarts it after a bug; resolves to the exit code. */
export function runAgent(appFolder: string, parameters: readonly string[]): Promise<number> {
  const start = () => startAgent(appFolder, parameters, 'ignore');
  return runInForeground({ start, restarts: true, print: console.error });
}

/** Runs `idlewatt COMMAND`, which may ask its questions in the terminal; resolves to the exit code. */
export function runCommand(appFolder: string, words: readonly string[]): Promise<number> {
  const start = () => startAgent(appFolder, words, 'inherit');
  return runInForeground({ start, restarts: false, print: console.error });
}

function startAgent(
  appFolder: string,
  parameters: readonly string[],
  stdin: 'ignore' | 'inherit',
): ChildProcess {
  const node = runsInOwnNode()
    ? { program: process.execPath, flags: noDebuggerFlags(), environment: { ELECTRON_RUN_AS_NODE: '1' } }
    : { program: pinnedNode(appFolder), flags: ['--disable-sigusr1'], environment: {} };
  return spawn(node.program, [...node.flags, ...MEMORY_FLAGS, agentEntry(appFolder), ...parameters], {
    stdio: [stdin, 'inherit', 'inherit'],
    env: { ...agentEnvironment(), ...node.environment },
  });
}
