/** State of one fake agent: its sections and lists, the received calls, and the failures that a test has ordered. */
import { ORPCError } from '@orpc/server';
import type { BoughtChannel } from '../../shared/api/channels.ts';
import type { BackupFacts, RestoreResult } from '../../shared/api/maintenance.ts';
import type { AgentState, StateUpdate } from '../../shared/api/state.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { type GatewayKey, type NewKey, NO_KEY_LIMITS } from '../../shared/gateway-keys.ts';
import type { PairedBrowser } from '../../shared/pairing.ts';
import type { Presence } from '../../shared/presence.ts';
import type { Startup } from '../../shared/startup.ts';
import type { Script } from './agent-script.ts';
import type { CustomerList } from './agent-storefront.ts';

/** A received call with its input. */
export interface Call {
  readonly name: string;
  readonly input: unknown;
}

/** The secret of each key that a page adds. */
export const ADDED_KEY = `iw-${'ab'.repeat(24)}`;

/** A key as it is right after its creation. */
export function fakeKey(wanted: NewKey): GatewayKey {
  return {
    ...wanted,
    id: '0'.repeat(16),
    isOwn: false,
    createdAtMs: 1_700_000_000_000,
    lastUsedAtMs: null,
    spentDay: '0',
    spentTotal: '0',
  };
}

/** The state of one fake agent. */
export class FakeAgentState {
  readonly script: Script;
  /** The time of day of this agent and of its pages, in milliseconds since 1970. */
  readonly now: () => number;
  readonly calls: Call[] = [];
  channels: readonly BoughtChannel[] = [];
  keys: readonly GatewayKey[] = [
    { ...fakeKey({ ...NO_KEY_LIMITS, name: 'default' }), isOwn: true, lastUsedAtMs: 1_700_000_000_000 },
    {
      ...fakeKey({ ...NO_KEY_LIMITS, name: 'Night agent', dayMax: '500000', expiresAtMs: 1_893_456_000_000 }),
      id: '9'.repeat(16),
      spentDay: '125000',
      spentTotal: '2400000',
    },
  ];
  /** Customers of the storefront; none by default. */
  customers: CustomerList = { customers: [], payers: [] };
  /** A payout waits for it, instead of the owner's confirmation. */
  confirmation: Promise<void> = Promise.resolve();
  /** A change of settings waits for it, as for a slow disk. */
  saving: Promise<void> = Promise.resolve();
  lastRestore: RestoreResult | null = null;
  /** Text of the file with the licenses; null for a checkout. */
  licenses: string | null = 'zod 4.6.7\nMIT\nCopyright (c) 2025 Colin McDonnell';
  backupFacts: BackupFacts = {
    createdAtMs: Date.UTC(2026, 10, 23, 12),
    checksum: 'c'.repeat(64),
    entries: 4_812,
    entriesHere: 4_930,
    entriesLost: 118,
    isSameLedger: true,
    wallet: `0x${'1'.repeat(40)}`,
    walletHere: `0x${'1'.repeat(40)}`,
  };
  browsers: readonly PairedBrowser[] = [
    {
      id: '0123456789abcdef',
      name: 'Firefox, Linux',
      pairedAtMs: 1_700_000_000_000,
      lastSeenMs: 1_700_000_000_000,
    },
  ];
  #state: AgentState;
  readonly #failures = new Map<string, ORPCError<string, unknown>>();
  readonly #watchers = new Set<(sections: Partial<AgentState>) => void>();

  constructor(script: Script, now: () => number) {
    this.script = script;
    this.now = now;
    this.#state = script.state;
  }

  get state(): AgentState {
    return this.#state;
  }

  change(sections: Partial<AgentState>): void {
    this.#state = { ...this.#state, ...sections };
    for (const notify of this.#watchers) notify(sections);
  }

  changeModel(id: string, patch: Partial<AgentState['models']['models'][number]>): void {
    const { models } = this.#state;
    const changed = models.models.map((model) => (model.id === id ? { ...model, ...patch } : model));
    this.change({ models: { ...models, models: changed } });
  }

  setPresence(presence: Presence): Presence {
    const { work } = this.#state;
    const activeJobs = presence.decision === 'run' ? work.activeJobs : [];
    this.change({ work: { ...work, presence, activeJobs } });
    return presence;
  }

  /** Records a call; throws if a test ordered its failure. */
  receive(name: string, input: unknown): void {
    this.calls.push({ name, input });
    const ordered = this.#failures.get(name);
    this.#failures.delete(name);
    if (ordered) throw ordered;
  }

  failNext(name: string, code: ErrorCode, message: string): void {
    this.#failures.set(name, failure(code, message));
  }

  /** This agent is up. */
  async *watchStartup(): AsyncGenerator<Startup> {
    yield { phase: 'serving' };
  }

  /** The whole state, then each change until `signal` aborts. */
  async *watch(signal: AbortSignal | undefined): AsyncGenerator<StateUpdate> {
    const waiting: Partial<AgentState>[] = [];
    let wake = () => {};
    const notify = (sections: Partial<AgentState>) => {
      waiting.push(sections);
      wake();
    };
    this.#watchers.add(notify);
    signal?.addEventListener('abort', () => wake());
    try {
      yield { type: 'whole', state: this.#state };
      while (!signal?.aborted) {
        const sections = waiting.shift();
        if (sections) yield { type: 'changed', sections };
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      this.#watchers.delete(notify);
    }
  }
}

/** An expected failure as the agent's API sends it: the agent's code is in the data. */
export function failure(code: ErrorCode, message: string): ORPCError<string, unknown> {
  return new ORPCError('UNPROCESSABLE_CONTENT', { message, data: { code } });
}
