/** A whole run: kills by plan, and after each one the question whether every base unit is where the books say. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { apart, judge, type Memory } from './checker.ts';
import { DEPOSIT_TOKENS, describe, type Kill, planKill, STREAMS_MAX, TARGETS, type Target } from './plan.ts';
import { type PracticeUnderFire, startUnderFire } from './practice-network.ts';
import { type Answer, buyAnswer } from './streams.ts';

export interface CrashRunOptions {
  readonly home: string;
  readonly seed: number;
  readonly kills: number;
  /** One line for each kill. */
  readonly onKill?: (line: string) => void;
  /** Asks the agent's own `ledger verify` about both homes; resolves to what it found wrong. */
  readonly verify: (home: string) => Promise<string | null>;
  /** After how many kills; it is asked once more at the end. */
  readonly verifyEvery: number;
  /** Ends the run before the next kill, with what was seen so far. */
  readonly deadlineMs?: number;
}

export interface CrashSummary {
  readonly seed: number;
  readonly kills: number;
  readonly byTarget: Readonly<Record<Target, number>>;
  readonly answers: { readonly complete: number; readonly broken: number };
  readonly agentStarts: number;
  readonly verified: number;
  /** What the provider earned, base units; the requester spent and the payout address received the same. */
  readonly earned: string;
  readonly durationMs: number;
}

/** Something that must hold did not; the home is left as it was found. */
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

/** Books may take a moment after the last answer; transactions that a crash cut off are found within seconds. */
const AGREE_MS_MAX = 30_000;
const SERVE_MS_MAX = 60_000;
const LOOK_MS = 100;
/** A moment that does not come (the stream broke off before) is not waited for longer than this. */
const MOMENT_MS_MAX = 5_000;
/** Output tokens cost 400 base units at the run's price, and the prompt a little. */
const EXPOSURE = BigInt(DEPOSIT_TOKENS) * 400n + 10_000n;
const MEETINGS_MAX = 30;

/** Fails with a {@link CrashFailure}. */
export async function runCrashes(options: CrashRunOptions): Promise<CrashSummary> {
  const startedMs = performance.now();
  const log = join(options.home, '..', 'crash-run.log');
  const network = await startUnderFire(options.home, (line) => appendFileSync(log, `${line}\n`));
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
    count(await meet(network, 1));
    await agree(network, memory, null);
    for (let number = 1; number <= options.kills; number += 1) {
      if (options.deadlineMs !== undefined && performance.now() - startedMs > options.deadlineMs) break;
      const kill = planKill(options.seed, number);
      const beganMs = performance.now();
      appendFileSync(log, `--- ${describe(kill)}\n`);
      const { answers: streams } = await strike(network, kill);
      await network.recover();
      const bought = await streams;
      const hung = bought.filter((answer) => answer.hung).length;
      if (hung > 0) throw new CrashFailure(kill, [`${hung} answers neither ended nor broke off`]);
      count(bought);
      await serveAgain(network, kill, count);
      await agree(network, memory, kill);
      kills += 1;
      byTarget[kill.target] += 1;
      options.onKill?.(`${describe(kill)}: well after ${Math.round(performance.now() - beganMs)} ms`);
      if (number % options.verifyEvery === 0) await verifyNow(kill);
    }
    await settleAll(network);
    await meetAll(network, count);
    await settleAll(network);
    await agree(network, memory, null);
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

/** Lets answers stream, waits for the moment, and kills. The answers end when they end. */
async function strike(network: PracticeUnderFire, kill: Kill): Promise<{ answers: Promise<Answer[]> }> {
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

/** Buys so many short answers at once. */
function meet(network: PracticeUnderFire, streams: number): Promise<Answer[]> {
  const gateway = network.gateway();
  return Promise.all(
    Array.from({ length: streams }, (_, seed) =>
      buyAnswer(gateway, { maxTokens: streams === 1 ? 8 : 200, seed }),
    ),
  );
}

/** Until an answer comes whole: what was killed may be found dead only by the first who asks. */
async function serveAgain(
  network: PracticeUnderFire,
  kill: Kill,
  count: (answers: readonly Answer[]) => void,
): Promise<void> {
  const deadline = performance.now() + SERVE_MS_MAX;
  for (;;) {
    const bought = await meet(network, 1);
    count(bought);
    if (bought.every(({ complete }) => complete)) return;
    if (performance.now() > deadline) throw new CrashFailure(kill, ['nothing could be bought afterwards']);
    await pause(LOOK_MS);
    await network.recover();
  }
}

/** Until the requester was told of every charge: the next answer on a channel says what it missed. */
async function meetAll(
  network: PracticeUnderFire,
  count: (answers: readonly Answer[]) => void,
): Promise<void> {
  for (let meeting = 1; apart(network.books()).length > 0; meeting += 1) {
    if (meeting > MEETINGS_MAX) {
      throw new CrashFailure(null, [
        `the requester never learned what ${apart(network.books())} was charged`,
      ]);
    }
    count(await meet(network, STREAMS_MAX));
    await pause(LOOK_MS);
  }
}

/** Claims and pays out, however long an earlier attempt is put off. */
async function settleAll(network: PracticeUnderFire): Promise<void> {
  const deadline = performance.now() + AGREE_MS_MAX;
  for (;;) {
    try {
      await network.api().earnings.settle({});
      return;
    } catch (error) {
      if (performance.now() > deadline) throw new CrashFailure(null, [`nothing can be settled: ${error}`]);
      await pause(LOOK_MS);
    }
  }
}

/** Asks until all agree; what still differs after a while differs for good. */
async function agree(network: PracticeUnderFire, memory: Memory, kill: Kill | null): Promise<void> {
  const deadline = performance.now() + AGREE_MS_MAX;
  for (;;) {
    const breaches = await look(network, memory);
    if (breaches.length === 0) return;
    if (performance.now() > deadline) throw new CrashFailure(kill, breaches);
    await pause(LOOK_MS);
  }
}

async function look(network: PracticeUnderFire, memory: Memory): Promise<readonly string[]> {
  try {
    const facts = { ...network.books(), ...network.addresses(), chain: network.chain() };
    return await judge(facts, memory, { exposure: EXPOSURE });
  } catch (error) {
    return [`the books or the chain cannot be read: ${error instanceof Error ? error.message : error}`];
  }
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
