/** A parent that starts a child which hangs inside the sandbox, says its process id, and waits to be killed. */
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
