/**
 * The shell as a client of the agent: follows the state for the tray, reports the owner's readings, and handles the
 * agent's requests to the shell. One link per running agent.
 */
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import type { ContractRouterClient } from '@orpc/contract';
import type { MessagePortMain } from 'electron';
import type { Contract, GpuProbeResult, ShellRequest } from '../../shared/api/contract.ts';
import type { AgentState } from '../../shared/api/state.ts';
import { applyUpdate } from '../../shared/api/state-updates.ts';
import type { SpendSummary } from '../../shared/api/wallet.ts';
import { assertNever } from '../../shared/assert.ts';
import type { OwnerNotification } from '../../shared/notification.ts';
import type { OwnerQuestion } from '../../shared/owner-question.ts';
import type { PauseUntil, StartFor } from '../../shared/presence.ts';
import type { PartialReadings } from '../../shared/readings.ts';
import type { SettingsPatch } from '../../shared/settings.ts';
import type { ShellFacts } from '../../shared/shell-facts.ts';
import type { Confirm } from './confirm.ts';
import type { SecretCalls } from './secret-handlers.ts';

export interface ShellLink {
  pause(until: PauseUntil): Promise<void>;
  resume(): Promise<void>;
  /** Runs for a time although the owner uses the machine. */
  start(duration: StartFor): Promise<void>;
  /** Ends that time early. */
  endStart(): Promise<void>;
  change(patch: SettingsPatch): Promise<void>;
  /** The calls that carry a secret. */
  readonly secrets: SecretCalls;
  /** Reports the facts again, because they changed. */
  describe(): void;
  close(): void;
}

export interface ShellLinkOptions {
  readonly port: MessagePortMain;
  readonly onState: (state: AgentState) => void;
  readonly readOwner: () => PartialReadings;
  readonly probeGpu: () => Promise<GpuProbeResult>;
  /** Calls back when the machine is about to sleep. Returns a function that unsubscribes. */
  readonly onSuspend?: (listener: () => void) => () => void;
  /** Resolves with the owner's answer; the signal aborts when the link closes. */
  readonly confirmSpend: (summary: SpendSummary, signal: AbortSignal) => Promise<boolean>;
  /** Resolves with the owner's answer to one payout address for all machines; the signal aborts when the link closes. */
  readonly confirmPayout: Confirm<string | null>;
  /** Resolves with the owner's answer to another question; the signal aborts when the link closes. */
  readonly confirm: Confirm<OwnerQuestion>;
  /** Facts about the shell's system. */
  readonly facts: () => ShellFacts;
  /** Lets the owner choose a backup and copies it into the folder; resolves with its name there, or null. */
  readonly chooseBackup: (folder: string) => Promise<string | null>;
  readonly notify: (notification: OwnerNotification) => void;
  /** The agent has to start again. */
  readonly restart: () => void;
  /** The app has to start again. */
  readonly relaunch: () => void;
  /** A call that failed while the link was open: for the log, never for a dialog. */
  readonly onTrouble: (call: string, error: unknown) => void;
}

const REPORT_EVERY_MS = 2_000;
/** While the owner pauses Idlewatt, no decision depends on the readings: one of so many reports is sent. */
const REPORTS_PER_SENT_WHILE_PAUSED = 5;

export function openShellLink(options: ShellLinkOptions): ShellLink {
  const { port } = options;
  const closed = new AbortController();
  const isOpen = () => !closed.signal.aborted;
  // oRPC needs a port with `on` and `postMessage`; Electron's has both, with a narrower type for transfers.
  const link = new RPCLink({ port });
  const agent: ContractRouterClient<Contract> = createORPCClient(link);
  port.start();

  const trouble = (what: string) => (error: unknown) => {
    if (isOpen()) options.onTrouble(what, error);
  };

  let isPaused = false;
  let unsent = 0;
  const report = () => {
    unsent = 0;
    agent.shell.report(options.readOwner()).catch(trouble('report'));
  };
  const reporting = setInterval(() => {
    unsent += 1;
    if (!isPaused || unsent >= REPORTS_PER_SENT_WHILE_PAUSED) report();
  }, REPORT_EVERY_MS);
  const stopSuspending = options.onSuspend?.(
    () => void agent.shell.suspending({}).catch(trouble('suspending')),
  );
  report();
  const describe = () => void agent.shell.describe(options.facts()).catch(trouble('describe'));
  describe();

  const followState = async () => {
    let state: AgentState | null = null as AgentState | null;
    for await (const update of await agent.state.watch(undefined)) {
      state = applyUpdate(state, update);
      if (!state || !isOpen()) continue;
      const wasPaused = isPaused;
      isPaused = state.work.presence.reason === 'paused-by-owner';
      if (wasPaused && !isPaused) report();
      options.onState(state);
    }
  };
  const answerRequests = async () => {
    for await (const request of await agent.shell.requests(undefined)) {
      void answer(request, { agent, options, signal: closed.signal }).catch(trouble(request.type));
    }
  };
  followState().catch(trouble('state'));
  answerRequests().catch(trouble('requests'));

  const close = () => {
    closed.abort();
    clearInterval(reporting);
    stopSuspending?.();
    port.close();
  };
  port.on('close', close);

  return {
    async pause(until) {
      await agent.presence.pause({ until });
    },
    async resume() {
      await agent.presence.resume({});
    },
    async start(duration) {
      await agent.presence.startNow({ for: duration });
    },
    async endStart() {
      await agent.presence.endStart({});
    },
    async change(patch) {
      await agent.settings.change(patch);
    },
    secrets: agent.shell,
    describe,
    close,
  };
}

interface Answering {
  readonly agent: ContractRouterClient<Contract>;
  readonly options: ShellLinkOptions;
  /** Aborts when the link closes. */
  readonly signal: AbortSignal;
}

async function answer(request: ShellRequest, answering: Answering): Promise<void> {
  const { agent, options, signal } = answering;
  switch (request.type) {
    case 'notify':
      return options.notify(request.notification);
    case 'restart':
      return options.restart();
    case 'relaunch':
      return options.relaunch();
    case 'probe-gpu':
      return answerProbe(request.id, answering);
    case 'choose-backup':
      return answerBackup(request, answering);
    case 'confirm-payout-for-all': {
      const { address } = request;
      if (await options.confirmPayout(address, signal)) await agent.shell.setPayoutForAll({ address });
      return;
    }
    case 'confirm': {
      const approved = await options.confirm(request.question, signal);
      await agent.shell.answerQuestion({ id: request.id, approved });
      return;
    }
    case 'confirm-spend': {
      const approved = await options.confirmSpend(request.summary, signal);
      await agent.shell.answerSpend({ id: request.id, approved });
      return;
    }
    default:
      return assertNever(request);
  }
}

async function answerProbe(id: string, { agent, options }: Answering): Promise<void> {
  try {
    await agent.shell.answerGpuProbe({ id, result: await options.probeGpu() });
  } catch (error) {
    await agent.shell.failGpuProbe({ id, message: messageOf(error) });
  }
}

async function answerBackup(
  { id, folder }: { readonly id: string; readonly folder: string },
  { agent, options }: Answering,
): Promise<void> {
  try {
    await agent.shell.answerBackup({ id, name: await options.chooseBackup(folder), problem: null });
  } catch (error) {
    await agent.shell.answerBackup({ id, name: null, problem: messageOf(error) });
  }
}

/** As long as the API accepts. */
function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 500);
}
