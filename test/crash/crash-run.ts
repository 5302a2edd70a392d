/**
 * A complete crash run: kills by plan, and after each kill a check that every base unit is where the ledgers record it.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { apart, findBreaches, type Memory } from './checker.ts';
import { pause } from './pause.ts';
import { DEPOSIT_TOKENS, describe, type Kill, planKill, STREAMS_MAX, TARGETS, type Target } from './plan.ts';
import { type CrashNetwork, startCrashNetwork } from './practice-network.ts';
import { type Answer, buyAnswer } from './streams.ts';

export interface CrashRunOptions {
  readonly home: string;
  readonly seed: number;
  readonly kills: number;
  /** Called with one line for each kill. */
  readonly onKill?: (line: string) => void;
  /** Runs the agent's own `ledger verify` on one data folder; resolves to the differences that it found. */
  readonly verify: (home: string) => Promise<string | null>;
  /** Number of kills between two verifications; another one follows at the end. */
  readonly verifyEvery: number;
  /** Ends the run before the next kill and returns the summary so far. */
  readonly deadlineMs?: number;
}

export interface CrashSummary {
  readonly seed: number;
  readonly kills: number;
  readonly byTarget: Readonly<Record<Target, number>>;
  readonly answers: { readonly complete: number; readonly broken: number };
  readonly agentStarts: number;
  readonly verified: number;
  /** The provider's earnings in base units; the requester spent and the payout address received the same. */
  readonly earned: string;
  readonly durationMs: number;
}

/** An invariant was violated; the data folder is left unchanged. */
export class CrashFailure extends Error {
  readonly kill: Kill | null;
  readonly breaches: readonly string[];
  constructor(kill: Kill | null, breaches: readonly string[]) {
    super(`${kill === null ? 'at the end' : `after ${describe(kill)}`}:\n  ${breaches.join('\n  ')}`);
    this.name = 'CrashFailure';
    this.kill = kill;
    this.breaches = breaches;
  }
}

/** Ledgers may lag briefly after the last response; transactions that a crash interrupted are found within seconds. */
const AGREE_MS_MAX = 30_000;
const SERVE_MS_MAX = 60_000;
const CHECK_MS = 100;
/** Maximum wait for a moment that may never come, because the stream broke off before. */
const MOMENT_MS_MAX = 5_000;
/** Output tokens cost 400 base units each at the run's price, and the prompt costs a little. */
const EXPOSURE = BigInt(DEPOSIT_TOKENS) * 400n + 10_000n;
const ROUNDS_MAX = 30;

/** Runs the plan. Fails with a {@link CrashFailure}. */
export async function runCrashes(options: CrashRunOptions): Promise<CrashSummary> {
  const startedMs = performance.now();
  const log = join(options.home, '..', 'crash-run.log');
  const network = await startCrashNetwork(options.home, (line) => appendFileSync(log, `${line}\n`));
  const memory: Memory = new Map();
  const byTarget = Object.fromEntries(TARGETS.map((target) => [target, 0])) as Record<Target, number>;
  const answers = { complete: 0, broken: 0 };
  let kills = 0;
  let verified = 0;
  const count = (bought: readonly Answer[]): void => {
    for (const { complete } of bought) answers[complete ? 'complete' : 'broken'] += 1;
  };
  async function verifyNow(kill: Kill | null): Promise<void> {
    for (const home of [options.home, join(options.home, 'requester')]) {
      const wrong = await options.verify(home);
      if (wrong !== null) throw new CrashFailure(kill, [`ledger verify of ${home}: ${wrong}`]);
    }
    verified += 1;
  }

  try {
    count(await buyShort(network, 1));
    await expectAgreement(network, memory, null);
    for (let number = 1; number <= options.kills; number += 1) {
      if (options.deadlineMs !== undefined && performance.now() - startedMs > options.deadlineMs) break;
      const kill = planKill(options.seed, number);
      const beganMs = performance.now();
      appendFileSync(log, `--- ${describe(kill)}\n`);
      const { answers: streams } = await strike(network, kill);
      await network.recover();
      const bought = await streams;
      const hung = bought.filter((answer) => answer.hung).length;
      if (hung > 0) throw new CrashFailure(kill, [`${hung} responses neither ended nor broke off`]);
      count(bought);
      await serveAgain(network, kill, count);
      await expectAgreement(network, memory, kill);
      kills += 1;
      byTarget[kill.target] += 1;
      options.onKill?.(`${describe(kill)}: recovered after ${Math.round(performance.now() - beganMs)} ms`);
      if (number % options.verifyEvery === 0) await verifyNow(kill);
    }
    await settleAll(network);
    await buyUntilKnown(network, count);
    await settleAll(network);
    await expectAgreement(network, memory, null);
    const { provider } = network.books();
    await verifyNow(null);
    const { token } = network.chain().network;
    const earned = -(provider.sums.get(`income:jobs ${token.id}`) ?? 0n);
    const received = provider.sums.get(`wallet ${token.id}`) ?? 0n;
    if (earned !== received) throw new CrashFailure(null, [`earned ${earned}, received ${received}`]);
    return {
      seed: options.seed,
      kills,
      byTarget,
      answers,
      agentStarts: network.starts(),
      verified,
      earned: earned.toString(),
      durationMs: Math.round(performance.now() - startedMs),
    };
  } finally {
    await network.stop();
  }
}

/** Starts streams, waits for the moment, and kills. The streams end on their own. */
async function strike(network: CrashNetwork, kill: Kill): Promise<{ answers: Promise<Answer[]> }> {
  const { moment } = kill;
  if (moment.kind === 'start') {
    await network.killWhileStarting(kill.delayMs, kill.target);
    return { answers: Promise.resolve([]) };
  }
  const reached = Promise.withResolvers<void>();
  const gateway = network.gateway();
  const streams = kill.streams.map((maxTokens, index) =>
    buyAnswer(gateway, {
      maxTokens,
      seed: kill.number * 10 + index,
      onPiece(pieces) {
        if (index === 0 && moment.kind === 'token' && pieces >= moment.count) reached.resolve();
      },
    }),
  );
  // A stream that ended early has no later moment.
  void streams[0]?.then(() => reached.resolve());
  if (moment.kind === 'deposit') reached.resolve();
  if (moment.kind === 'claim') {
    network
      .api()
      .earnings.settle({})
      .catch(() => undefined);
    reached.resolve();
  }
  await Promise.race([reached.promise, pause(MOMENT_MS_MAX)]);
  await pause(kill.delayMs);
  await network.kill(kill.target);
  return { answers: Promise.all(streams) };
}

/** Buys this many short responses concurrently. */
function buyShort(network: CrashNetwork, streams: number): Promise<Answer[]> {
  const gateway = network.gateway();
  return Promise.all(
    Array.from({ length: streams }, (_, seed) =>
      buyAnswer(gateway, { maxTokens: streams === 1 ? 8 : 200, seed }),
    ),
  );
}

/** Buys until a response is complete: the first request may be the one that detects a killed process. */
async function serveAgain(
  network: CrashNetwork,
  kill: Kill,
  count: (answers: readonly Answer[]) => void,
): Promise<void> {
  const deadline = performance.now() + SERVE_MS_MAX;
  for (;;) {
    const bought = await buyShort(network, 1);
    count(bought);
    if (bought.every(({ complete }) => complete)) return;
    if (performance.now() > deadline)
      throw new CrashFailure(kill, ['no response could be bought afterwards']);
    await pause(CHECK_MS);
    await network.recover();
  }
}

/** Buys until the requester has learned every charge: the next response on a channel corrects its record. */
async function buyUntilKnown(
  network: CrashNetwork,
  count: (answers: readonly Answer[]) => void,
): Promise<void> {
  for (let round = 1; apart(network.books()).length > 0; round += 1) {
    if (round > ROUNDS_MAX) {
      throw new CrashFailure(null, [`the requester never learned the charge of ${apart(network.books())}`]);
    }
    count(await buyShort(network, STREAMS_MAX));
    await pause(CHECK_MS);
  }
}

/** Claims and pays out; retries while an earlier attempt is deferred. */
async function settleAll(network: CrashNetwork): Promise<void> {
  const deadline = performance.now() + AGREE_MS_MAX;
  for (;;) {
    try {
      await network.api().earnings.settle({});
      return;
    } catch (error) {
      if (performance.now() > deadline) throw new CrashFailure(null, [`settlement keeps failing: ${error}`]);
      await pause(CHECK_MS);
    }
  }
}

/** Checks until there is no breach; a breach that is still there after the time limit is permanent. */
async function expectAgreement(network: CrashNetwork, memory: Memory, kill: Kill | null): Promise<void> {
  const deadline = performance.now() + AGREE_MS_MAX;
  for (;;) {
    const breaches = await check(network, memory);
    if (breaches.length === 0) return;
    if (performance.now() > deadline) throw new CrashFailure(kill, breaches);
    await pause(CHECK_MS);
  }
}

async function check(network: CrashNetwork, memory: Memory): Promise<readonly string[]> {
  try {
    const facts = { ...network.books(), ...network.addresses(), chain: network.chain() };
    return await findBreaches(facts, memory, { exposure: EXPOSURE });
  } catch (error) {
    return [`could not read the ledgers or the chain: ${error instanceof Error ? error.message : error}`];
  }
}
