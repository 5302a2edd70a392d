/** Fake engine process driven by a test: it records commands and sends the messages that the test specifies. */
import type {
  EngineCommand,
  EngineEvent,
  EngineProcess,
  EngineReport,
} from '../../main/ports/engine-process.ts';
import { sandboxOf } from './sandbox.ts';

export interface FakeEngineProcess extends EngineProcess {
  readonly commands: EngineCommand[];
  readonly killed: boolean;
  report(report: EngineReport): void;
  /** Sends a message that may violate the protocol. */
  sendRaw(message: unknown): void;
  events(...events: EngineEvent[]): void;
  /** Reports success for the last `load`. */
  loaded(sequences?: number): void;
  exit(cause?: string): void;
}

export function createFakeProcess(pid: number): FakeEngineProcess {
  const commands: EngineCommand[] = [];
  let onMessage: (message: unknown) => void = () => {};
  let onExit: (cause: string) => void = () => {};
  let killed = false;
  let ended = false;
  const fake: FakeEngineProcess = {
    pid,
    commands,
    get killed() {
      return killed;
    },
    send: (command) => commands.push(command),
    onMessage: (listener) => {
      onMessage = listener;
    },
    onExit: (listener) => {
      onExit = listener;
    },
    kill() {
      killed = true;
      fake.exit('killed by SIGKILL');
    },
    report: (report) => onMessage(report),
    sendRaw: (message) => onMessage(message),
    events: (...events) => onMessage({ type: 'events', events }),
    loaded(sequences = 2) {
      const load = commands.findLast((command) => command.type === 'load');
      const report = {
        contextTokens: 512,
        sequences,
        threads: 1,
        backend: 'cpu',
        loadMs: 5,
        quantisation: 'F32',
        parameterCount: 1000,
        sandbox: sandboxOf('in-force'),
      };
      onMessage({ type: 'loaded', request: load?.request ?? 0, report });
    },
    exit(cause = 'exited with code 1') {
      if (ended) return;
      ended = true;
      onExit(cause);
    },
  };
  return fake;
}
