/** The agent in Electron's utility process. Ports are transferred to it, so API messages don't pass through the shell. */
import { MessageChannelMain, utilityProcess } from 'electron';
import { fromAgentSchema, type PortRole, type ToAgent } from '../../shared/host.ts';
import { noDebuggerFlags } from '../ports/no-debugger.ts';
import { AGENT_ENTRY, unpackedPath } from './agent-entry.ts';
import type { AgentEnd, AgentHost, AgentHostOptions, AgentRefusal, AgentStart } from './agent-host.ts';

export function hostInUtilityProcess(options: AgentHostOptions): AgentHost {
  const child = utilityProcess.fork(
    unpackedPath(options.appFolder, AGENT_ENTRY),
    ['--host', 'desktop', ...options.parameters],
    {
      serviceName: 'Idlewatt agent',
      execArgv: noDebuggerFlags(),
      // Its READY line contains a key and is meant for a terminal, so stdout is discarded.
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  if (child.stderr) options.onStderr(child.stderr);
  let refusal: AgentRefusal | null = null;
  const exited = new Promise<AgentEnd>((resolve) => {
    child.once('exit', (code) => resolve({ code, refusal }));
  });
  const started = new Promise<AgentStart>((resolve) => {
    child.on('message', (raw: unknown) => {
      const message = fromAgentSchema.parse(raw);
      if (message.type === 'ready') resolve({ ready: message.ready });
      if (message.type === 'step') options.onStep(message.step);
      if (message.type === 'failed') refusal = { message: message.message, code: message.code };
    });
    void exited.then(() => resolve({ ended: true }));
  });
  const send = (message: ToAgent, ports: Electron.MessagePortMain[] = []) =>
    child.postMessage(message, ports);
  send({ type: 'secret', passphrase: options.passphrase });
  let nextPort = 0;

  return {
    get pid() {
      return child.pid;
    },
    started,
    exited,
    connect(role: PortRole) {
      const { port1, port2 } = new MessageChannelMain();
      send({ type: 'connect', role, port: nextPort++ }, [port2]);
      return port1;
    },
    async stop(killAfterMs) {
      if (child.pid === undefined) return;
      const { pid } = child;
      send({ type: 'stop' });
      const timer = setTimeout(() => process.kill(pid, 'SIGKILL'), killAfterMs);
      await exited;
      clearTimeout(timer);
    },
  };
}
