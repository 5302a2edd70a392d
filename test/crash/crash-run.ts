/**
 * A complete crash run: kills by plan, and after each kill a check that every base unit is where the ledgers record it.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { apart, findBreaches, type Memory } from './checker.ts';
import { CrashFailure } from './failure.ts';
import { createFaults, type FaultCounts, type Faults } from './faults.ts';
import { pause } from './pause.ts';
import { DEPOSIT_TOKENS, describe, type Kill, planKill, STREAMS_MAX, TARGETS, type Target } from './plan.ts';
import { type CrashNetwork, startCrashNetwork } from './practice-network.ts';
import { type Answer, buyAnswer } from './streams.ts';
import { breakSurroundings } from './surroundings.ts';

export interface CrashRunOptions {
  readonly home: string;
  readonly seed: number;
  readonly kills: number;
  /** Folder for the run's log and for its clocks. */
  readonly notes: string;
  /**
   * Full disks, lost write-ahead logs and clock jumps in addition to every second kill. The folder above `home` has to be
   * a file system of its own, because it is filled.
   */
  readonly withFaults?: boolean;
  /** Called with one line for each kill. */
  readonly onKill?: (line: string) => void;
  /** Runs the agent's own `ledger verify` on one data folder; resolves to the differences that it found. */
  readonly verify: (home: string) => Promise<string | null>;
  /** Number of kills between two verifications; another one follows at the end. */
  readonly verifyEvery: number;
  /** Ends the run before the next kill and returns the summary so far. */
  readonly deadlineMs?: number;
}

export interface CrashSummary extends FaultCounts {
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
  const { home, withFaults = false, notes } = options;
  mkdirSync(notes, { recursive: true });
  const note = (line: string) => appendFileSync(join(notes, 'crash-run.log'), `${line}\n`);
  const surroundings = withFaults ? breakSurroundings(home, join(notes, 'clocks')) : null;
  const network = await startCrashNetwork(home, surroundings?.environment ?? {}, note);
  try {
    return await new CrashRun(options, { network, faults: createFaults(network, surroundings), note }).run();
  } finally {
    await network.stop();
  }
}

interface CrashRunParts {
  readonly network: CrashNetwork;
  readonly faults: Faults;
  /** Adds a line to the run's log. */
  readonly note: (line: string) => void;
}

class CrashRun {
  readonly #options: CrashRunOptions;
  readonly #parts: CrashRunParts;
  readonly #startedMs = performance.now();
  readonly #memory: Memory = new Map();
  readonly #byTarget = Object.fromEntries(TARGETS.map((target) => [target, 0])) as Record<Target, number>;
  readonly #answers = { complete: 0, broken: 0 };
  #kills = 0;
  #verified = 0;

  constructor(options: CrashRunOptions, parts: CrashRunParts) {
    this.#options = options;
    this.#parts = parts;
  }

  async run(): Promise<CrashSummary> {
    const { kills, seed, withFaults, deadlineMs } = this.#options;
    const { network } = this.#parts;
    this.#count(await buyShort(network, 1));
    await expectAgreement(network, this.#memory, null);
    for (let number = 1; number <= kills; number += 1) {
      if (deadlineMs !== undefined && performance.now() - this.#startedMs > deadlineMs) break;
      await this.#killOnce(planKill(seed, number, withFaults));
    }
    await settleAll(network);
    await this.#buyUntilKnown();
    await settleAll(network);
    await expectAgreement(network, this.#memory, null);
    await this.#verify(null);
    return this.#summary();
  }

  async #killOnce(kill: Kill): Promise<void> {
    const { network, faults, note } = this.#parts;
    const beganMs = performance.now();
    note(`--- ${describe(kill)}`);
    const { answers: streams } = await strike(network, faults, kill);
    await faults.afterKill(kill);
    await network.recover();
    const bought = await streams;
    const hung = bought.filter((answer) => answer.hung).length;
    if (hung > 0) throw new CrashFailure(kill, [`${hung} responses neither ended nor broke off`]);
    this.#count(bought);
    await expectAgreement(network, this.#memory, kill);
    if (faults.end(kill)) note('--- the clocks are right again');
    await this.#serveAgain(kill);
    await expectAgreement(network, this.#memory, kill);
    this.#kills += 1;
    this.#byTarget[kill.target] += 1;
    const tookMs = Math.round(performance.now() - beganMs);
    this.#options.onKill?.(`${describe(kill)}: recovered after ${tookMs} ms`);
    if (kill.number % this.#options.verifyEvery === 0) await this.#verify(kill);
  }

  /** Buys until a response is complete: the first request may be the one that detects a killed process. */
  async #serveAgain(kill: Kill): Promise<void> {
    const { network } = this.#parts;
    const deadline = performance.now() + SERVE_MS_MAX;
    for (;;) {
      const bought = await buyShort(network, 1);
      this.#count(bought);
      if (bought.every(({ complete }) => complete)) return;
      if (performance.now() > deadline)
        throw new CrashFailure(kill, ['no response could be bought afterwards']);
      await pause(CHECK_MS);
      await network.recover();
    }
  }

  /** Buys until the requester has learned every charge: the next response on a channel corrects its record. */
  async #buyUntilKnown(): Promise<void> {
    const { network } = this.#parts;
    for (let round = 1; apart(network.books()).length > 0; round += 1) {
      if (round > ROUNDS_MAX) {
        throw new CrashFailure(null, [`the requester never learned the charge of ${apart(network.books())}`]);
      }
      this.#count(await buyShort(network, STREAMS_MAX));
      await pause(CHECK_MS);
    }
  }

  async #verify(kill: Kill | null): Promise<void> {
    const { home, verify } = this.#options;
    for (const each of [home, join(home, 'requester')]) {
      const wrong = await verify(each);
      if (wrong !== null) throw new CrashFailure(kill, [`ledger verify of ${each}: ${wrong}`]);
    }
    this.#verified += 1;
  }

  #count(bought: readonly Answer[]): void {
    for (const { complete } of bought) this.#answers[complete ? 'complete' : 'broken'] += 1;
  }

  #summary(): CrashSummary {
    const { network, faults } = this.#parts;
    const { provider } = network.books();
    const { token } = network.chain().network;
    const earned = -(provider.sums.get(`income:jobs ${token.id}`) ?? 0n);
    const received = provider.sums.get(`wallet ${token.id}`) ?? 0n;
    if (earned !== received) throw new CrashFailure(null, [`earned ${earned}, received ${received}`]);
    return {
      seed: this.#options.seed,
      kills: this.#kills,
      byTarget: this.#byTarget,
      ...faults.counts,
      answers: this.#answers,
      agentStarts: network.starts(),
      verified: this.#verified,
      earned: earned.toString(),
      durationMs: Math.round(performance.now() - this.#startedMs),
    };
  }
}

/** Starts streams, waits for the moment, and kills. The streams end on their own. */
async function strike(
  network: CrashNetwork,
  faults: Faults,
  kill: Kill,
): Promise<{ answers: Promise<Answer[]> }> {
  const { moment } = kill;
  if (moment.kind === 'start') {
    await faults.begin(kill);
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
  await faults.begin(kill);
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
