/**
 * Fake agent for tests and development of the pages: the full API contract with scripted data, served on
 * loopback together with `dist/renderer`. It earns nothing and has no network access beyond loopback. No
 * release contains it.
 *
 * Start it by hand with `node test/fakes/agent-api.ts --port 5199 [--scenario busy|empty|unknown]`.
 */
import { fileURLToPath } from 'node:url';
import type { BoughtChannel } from '../../shared/api/channels.ts';
import type { BackupFacts, RestoreResult } from '../../shared/api/maintenance.ts';
import type { AgentState } from '../../shared/api/state.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { TOKEN_FRAGMENT } from '../../shared/wire.ts';
import { type Call, FakeAgentState } from './agent-memory.ts';
import { routerFor } from './agent-router.ts';
import { type Scenario, type Script, scriptFor } from './agent-script.ts';
import { type PageServer, startPageServer } from './agent-server.ts';
import type { CustomerList } from './agent-storefront.ts';

const PAGES = fileURLToPath(new URL('../../dist/renderer/', import.meta.url));

export interface FakeAgent {
  /** With the token in the fragment, as the real agent prints it. */
  readonly url: string;
  readonly port: number;
  readonly token: string;
  readonly script: Script;
  /** Returns the time of day of the agent and of its pages, in milliseconds since 1970. */
  now(): number;
  /** All received calls in order. */
  readonly calls: readonly Call[];
  /** Makes the next call of this name fail with this error. */
  failNext(name: string, code: ErrorCode, message: string): void;
  /** Replaces sections and notifies all watching pages. */
  change(sections: Partial<AgentState>): void;
  /** Sets the deposits that `channels.list` returns. */
  setChannels(channels: readonly BoughtChannel[]): void;
  /** Sets the storefront's customers, and what a payout waits for instead of the owner's confirmation. */
  setCustomers(customers: CustomerList, confirmation?: Promise<void>): void;
  /** Makes changes of settings wait, as for a slow disk. */
  setSaving(saving: Promise<void>): void;
  /** Sets what the check of a backup finds, and how the last restore ended. */
  setRestore(found: { readonly facts?: Partial<BackupFacts>; readonly last?: RestoreResult }): void;
  /** Sets the text of the file with licenses; null for a checkout, which has none. */
  setLicenses(text: string | null): void;
  /** Cuts every connection and refuses new ones until {@link FakeAgent.restore}. */
  cut(): void;
  restore(): void;
  stop(): Promise<void>;
}

export interface FakeAgentOptions {
  scenario?: Scenario;
  /** Default: any free port. */
  port?: number;
  /** A server that outlives this agent, instead of one on `port` that ends with it. */
  server?: PageServer;
  token?: string;
  /** Returns the time of day in milliseconds since 1970. Default: the real one. */
  now?: () => number;
}

export async function startFakeAgent(options: FakeAgentOptions = {}): Promise<FakeAgent> {
  const now = options.now ?? Date.now;
  const script = scriptFor(options.scenario ?? 'busy', now());
  const token = options.token ?? 'f00dfeed'.repeat(4);
  const agent = new FakeAgentState(script, now);
  const server = options.server ?? (await startFakeAgentServer(options.port));
  const { port } = server;
  const { cut, restore } = server.serve(routerFor(agent), token);
  return {
    url: `http://127.0.0.1:${port}/${TOKEN_FRAGMENT}${token}`,
    port,
    token,
    script,
    now,
    calls: agent.calls,
    failNext: (name, code, message) => agent.failNext(name, code, message),
    change: (sections) => agent.change(sections),
    setChannels(channels) {
      agent.channels = channels;
    },
    setCustomers(customers, confirmation = Promise.resolve()) {
      agent.customers = customers;
      agent.confirmation = confirmation;
    },
    setSaving(saving) {
      agent.saving = saving;
    },
    setRestore({ facts, last }) {
      agent.backupFacts = { ...agent.backupFacts, ...facts };
      agent.lastRestore = last ?? null;
    },
    setLicenses(text) {
      agent.licenses = text;
    },
    cut,
    restore,
    async stop() {
      if (options.server) cut();
      else await server.stop();
    },
  };
}

/** Serves `dist/renderer` for one fake agent after the other. */
export function startFakeAgentServer(port = 0): Promise<PageServer> {
  return startPageServer({ folder: PAGES, port });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const argument = (name: string) => {
    const at = process.argv.indexOf(name);
    return at < 0 ? undefined : process.argv[at + 1];
  };
  const scenario = argument('--scenario');
  const fake = await startFakeAgent({
    port: Number(argument('--port') ?? 5199),
    scenario: scenario === 'empty' || scenario === 'unknown' ? scenario : 'busy',
  });
  console.log(fake.url);
}
