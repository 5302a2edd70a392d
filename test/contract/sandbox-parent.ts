/** Starts a child that hangs inside the sandbox, sends the child's process ID to the test, and waits to be killed. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { sandboxedStart } from '../../main/adapters/llama/sandbox.ts';

const start = sandboxedStart(process.execPath, { modelFolders: [import.meta.dirname] });
const probe = new URL('./sandbox-probe.ts', import.meta.url);
const child = fork(probe, ['hang'], {
  stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  ...(start && { execPath: start.execPath, execArgv: [...start.execArgv] }),
});
await once(child, 'message');
process.send?.(child.pid);
