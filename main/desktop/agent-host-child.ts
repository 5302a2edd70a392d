/**
 * The agent as a child process of the pinned Node. Ports can't be transferred to it, so the shell numbers them and
 * relays their messages without reading them.
 */
import { fork } from 'node:child_process';
import { MessageChannelMain, type MessagePortMain } from 'electron';
import { assertNever } from '../../shared/assert.ts';
import { fromAgentSchema, type PortRole, type ToAgent } from '../../shared/host.ts';
import { MEMORY_ENVIRONMENT, MEMORY_FLAGS } from '../ports/process-flags.ts';
import { AGENT_ENTRY, unpackedPath } from './agent-entry.ts';
import type { AgentEnd, AgentHost, AgentHostOptions, AgentRefusal, AgentStart } from './agent-host.ts';
import { causeOf } from './start-failure.ts';

/** Electron's own variables, which would change how plain Node behaves. */
const NOT_INHERITED = ['ELECTRON_RUN_AS_NODE', 'NODE_OPTIONS', 'ELECTRON_NO_ATTACH_CONSOLE'];

/** An agent is idle most of the time: one of V8's threads is enough. */
const ONE_HELPER_THREAD = '--v8-pool-size=1';

/** Throws where the system starts no process at all; a missing program is reported by `exited`. */
export function hostInChildProcess(
  options: AgentHostOptions,
  cannotStart: (cause: string) => AgentRefusal,
): AgentHost {
  const child = fork(
    unpackedPath(options.appFolder, AGENT_ENTRY),
    ['--host', 'desktop', ...options.parameters],
    {
      execPath: pinnedNode(options.appFolder),
      // The pinned Node has the flags, even if Electron's Node is older.
      execArgv: ['--disable-sigusr1', ONE_HELPER_THREAD, ...MEMORY_FLAGS],
      serialization: 'advanced',
      // Its READY line contains a key and is meant for a terminal, so stdout is discarded.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: {
        ...MEMORY_ENVIRONMENT,
        ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !NOT_INHERITED.includes(name))),
      },
    },
  );
  if (child.stderr) options.onStderr(child.stderr);

  const ports = new Map<number, MessagePortMain>();
  let nextPort = 0;
  const send = (message: ToAgent) => {
    // The `exit` event reports its end; messages sent after that have no reader.
    if (child.connected) child.send(message, () => {});
  };
  send({ type: 'secret', passphrase: options.passphrase });
  let refusal: AgentRefusal | null = null;
  const exited = new Promise<AgentEnd>((resolve) => {
    child.on('error', (error) => {
      if (child.pid === undefined) resolve({ code: null, refusal: cannotStart(causeOf(error)) });
    });
    child.once('exit', (code) => resolve({ code, refusal }));
  });
  void exited.then(() => {
    for (const port of ports.values()) port.close();
    ports.clear();
  });
  const started = new Promise<AgentStart>((resolve) => {
    child.on('message', (raw) => {
      const message = fromAgentSchema.parse(raw);
      switch (message.type) {
        case 'ready':
          return resolve({ ready: message.ready });
        case 'step':
          return options.onStep(message.step);
        case 'failed':
          refusal = { message: message.message, code: message.code };
          return;
        case 'data':
          return ports.get(message.port)?.postMessage(message.data);
        case 'close':
          ports.get(message.port)?.close();
          ports.delete(message.port);
          return;
        default:
          return assertNever(message);
      }
    });
    void exited.then(() => resolve({ ended: true }));
  });

  return {
    pid: child.pid,
    started,
    exited,
    connect(role: PortRole) {
      const { port1, port2 } = new MessageChannelMain();
      const port = nextPort++;
      ports.set(port, port2);
      send({ type: 'connect', role, port });
      port2.on('message', ({ data }) => send({ type: 'data', port, data }));
      port2.on('close', () => {
        if (ports.delete(port)) send({ type: 'close', port });
      });
      port2.start();
      return port1;
    },
    async stop(killAfterMs) {
      send({ type: 'stop' });
      const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

function pinnedNode(appFolder: string): string {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  return unpackedPath(appFolder, `node_modules/node/bin/${name}`);
}
