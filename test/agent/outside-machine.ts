/** One machine at a host of the lab that sells on its own practice chain, for outside.test.ts. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { Contract, JsonRpcProvider } from 'ethers';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { waitForState } from '../../scripts/lib/agent-process.ts';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';
import type { AgentState } from '../../shared/api/state.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { answerCalls } from '../lab/host-calls.ts';
import { eventually, type PracticeAgent, startPractice, temporaryHome } from './practice-agent.ts';

type Machines = NonNullable<AgentState['machines']>;

/** The calls of the test, each with its arguments and its result. */
export interface OutsideCalls {
  /** Starts, or starts again; resolves with the machine's peer ID and its payout address. */
  start(): Promise<{ readonly peer: string; readonly payout: string }>;
  stop(): Promise<void>;
  /** `machines found`, at the running agent. */
  found(): Promise<string>;
  invite(): Promise<string>;
  /** `pair join --outside`, before the agent is started. */
  join(code: string): Promise<string>;
  /** Waits until this many machines are connected and report. */
  machines(count: number): Promise<Machines>;
  /** Waits until this payout address for all has arrived. */
  told(address: string | null): Promise<readonly string[]>;
  /** `machines payout`, with this answer to its question; resolves with its output and exit code. */
  payout(address: string, answer: string): Promise<{ readonly code: number; readonly output: string }>;
  /** The failure of the call that a page makes. */
  askOnPage(address: string): Promise<string | null>;
  /** The practice requester buys an answer; resolves with everything that is due then. */
  sell(): Promise<string>;
  /** Claims and pays out what is due. */
  settle(): Promise<void>;
  /** Tokens at the address on this machine's chain. */
  balance(address: string): Promise<string>;
  metrics(): Promise<string>;
}

const home = temporaryHome();
let practice: PracticeAgent | null = null;
const running = () => forceUnwrap('the agent runs', practice);
const command = (...words: string[]) => [AGENT_PROGRAM, ...words, '--home', home.path];

/** Runs a command of the program with this line as its input. */
async function runWith(line: string, words: readonly string[]): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, command(...words), { stdio: 'pipe' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => {
      output += part.toString();
    });
  }
  child.stdin.end(`${line}\n`);
  const [code] = (await once(child, 'exit')) as [number];
  return { code, output };
}

const calls: OutsideCalls = {
  async start() {
    practice = await startPractice(home.path, 'tiny', ['--metrics-port', '0']);
    // Nothing is paid out before the test does it.
    await practice.api.settings.change({ settleThreshold: String(10n ** 12n) });
    const { wallet } = await waitForState(practice.api, () => true, { timeoutMs: 10_000 });
    const payout = forceUnwrap('a wallet has an address', wallet.payoutAddress);
    return { peer: practice.agent.ready.peer.id, payout };
  },
  async stop() {
    await practice?.close();
    practice = null;
  },
  async found() {
    const { stdout } = await promisify(execFile)(process.execPath, command('machines', 'found'));
    return stdout;
  },
  async invite() {
    return (await running().api.machines.invite({ role: 'use' })).code;
  },
  async join(code) {
    const joined = await runWith(code, ['pair', 'join', '--outside', '--name', 'Second']);
    if (joined.code !== 0) throw new Error(joined.output);
    return joined.output;
  },
  async machines(count) {
    const isSeen = ({ machines }: AgentState) =>
      (machines?.machines ?? []).filter(({ isConnected, report }) => isConnected && report !== null)
        .length === count;
    const { machines } = await waitForState(running().api, isSeen, { timeoutMs: 90_000 });
    return forceUnwrap('a member has machines', machines);
  },
  async told(address) {
    const state = await waitForState(
      running().api,
      ({ machines }) => (machines?.payout?.address ?? null) === address,
      { timeoutMs: 60_000 },
    );
    return state.app.notices.map(({ code }) => code);
  },
  payout: (address, answer) => runWith(answer, ['machines', 'payout', address]),
  async askOnPage(address) {
    return running()
      .api.machines.requestPayout({ address })
      .then(
        () => null,
        (error: { message: string }) => error.message,
      );
  },
  async sell() {
    const { gateway, api } = running();
    const ask = () =>
      fetch(`${gateway.baseUrl}/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${gateway.key}` },
        body: JSON.stringify({
          ...{ model: TINY_MODEL_ID, max_tokens: 32 },
          messages: [{ role: 'user', content: 'Hello' }],
        }),
      });
    const before = await waitForState(api, () => true, { timeoutMs: 10_000 });
    await eventually('an answer', async () => ((await ask()).ok ? true : null));
    const { money } = await waitForState(
      api,
      (state) => BigInt(state.money.owed) > BigInt(before.money.owed) && state.work.activeJobs.length === 0,
      { timeoutMs: 30_000 },
    );
    return money.owed;
  },
  async settle() {
    await running().api.earnings.settle({});
  },
  async balance(address) {
    const { rpcUrl, token } = forceUnwrap('a practice agent has a chain', running().agent.ready.chain);
    const node = new JsonRpcProvider(rpcUrl);
    try {
      const contract = new Contract(token, ['function balanceOf(address) view returns (uint256)'], node);
      return String(await contract.getFunction('balanceOf')(address));
    } finally {
      node.destroy();
    }
  },
  async metrics() {
    return (await fetch(forceUnwrap('metrics were asked for', running().agent.ready.metrics))).text();
  },
};

answerCalls<OutsideCalls>(calls, async () => {
  await practice?.close();
  home.remove();
});
