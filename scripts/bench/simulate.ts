/**
 * `npm run bench -- simulate`: a market of 100, 1,000 and 10,000 providers with 10 requests each, on a simulated clock and
 * network. Choosing, hedging, continuing, budget, experience, checks of bills and answers, and verdicts are the agent's own code
 * (scripts/bench/simulation/buyer.ts); providers, network and channels are simulated.
 *
 * 20 % of the providers die in the middle of every answer, 5 % lie. Providers stay for
 * 2 h at the median, as half of new peers leave the IPFS network within 2 h (ProbeLab, "RFM 2: Uptime and Churn"), and
 * return after as long. 91 % are behind NAT and reached through a relay (see provider.ts). A flash crowd has ten times the
 * requests for two minutes; for ten minutes the network is split into halves. In a further run a ring of 1,000 peers of one
 * owner joins. Half of the liars lie about speed and bills, the others answer with a smaller model, praise each other and
 * accuse honest ones; a third of the buyers have the model and check (see auditing.ts). Sizes of requests, speeds, prices,
 * delays and that third are assumptions, not measured.
 */
import { strict as assert } from 'node:assert';
import { forceUnwrap } from '../../shared/assert.ts';
import { type AuditVerdict, VERDICTS_MAX } from '../../shared/audit-verdict.ts';
import { charge } from '../../shared/price.ts';
import { DEFAULT_SETTINGS } from '../../shared/settings.ts';
import { quantile } from '../../shared/statistics.ts';
import { atLeast, atMost, type BenchResult, progress } from './result.ts';
import { type Buyer, createBuyer, type Ended } from './simulation/buyer.ts';
import { seededRandom, simulatedClock } from './simulation/clock.ts';
import { createProvider, type Kind, SHA256, type SimulatedProvider } from './simulation/provider.ts';

const SEED = 20_261_130;
const SIZES = [100, 1_000, 10_000] as const;
const REQUESTS_PER_PROVIDER = 10;
const PROVIDERS_PER_BUYER = 20;
const BUYERS_MIN = 10;
const DURATION_MS = 2 * 3_600_000;
const DYING_SHARE = 0.2;
/** Half of each kind. */
const LYING_SHARE = 0.05;
/** Buyers that sell the same model, and so can check what they buy. */
const CHECKING_BUYERS_SHARE = 1 / 3;
/** Markets that are also run without second opinions, for comparison. */
const COMPARED_SIZE_MAX = 1_000;
const COMPARED = /^(otherModel|success|price)/;
const RING = 1_000;
const SESSION_MS_MEDIAN = 2 * 3_600_000;
const CROWD = { fromMs: 0.5 * DURATION_MS, forMs: 120_000, factor: 10 };
const SPLIT = { fromMs: 0.7 * DURATION_MS, forMs: 600_000 };
/** After the last request, for answers and charges that are still under way. */
const DRAIN_MS = 1_800_000;
const SECONDS = 1_000;

interface Outcome {
  readonly ended: readonly Ended[];
  /** The charge that the cheapest honest provider in the buyer's view would have made for all answers that arrived. */
  readonly cheapest: number;
  readonly spent: number;
  readonly providers: readonly SimulatedProvider[];
  readonly buyers: readonly Buyer[];
  readonly wallMs: number;
  /** Of all threads. */
  readonly cpuMs: number;
}

export async function run(): Promise<BenchResult> {
  const figures: Record<string, number> = { seed: SEED };
  const traffic: number[] = [];
  let last: Outcome | null = null;
  for (const size of SIZES) {
    last = await simulate(size, 0);
    const nodes = last.providers.length + last.buyers.length;
    const bytes = last.buyers.reduce((sum, buyer) => sum + buyer.bytes(), 0) * 2;
    traffic.push(bytes / nodes);
    const measured: Record<string, number> = {
      ...figuresOf(last, size),
      [`kilobytesPerNodeAt${size}`]: bytes / nodes / 1_000,
    };
    if (size <= COMPARED_SIZE_MAX) {
      const without = figuresOf(await simulate(size, 0, 'nobody'), size);
      for (const [name, value] of Object.entries(without))
        if (COMPARED.test(name)) measured[name.replace(/At\d+$/, 'WithoutOpinions$&')] = value;
    }
    progress(JSON.stringify(measured));
    Object.assign(figures, measured);
  }
  const ring = await simulate(SIZES[2], RING);
  const earnedBy = (kinds: readonly Kind[]) =>
    ring.providers
      .filter(({ kind }) => kinds.includes(kind))
      .reduce((sum, { earned }) => sum + Number(earned), 0);
  figures.ringPercentOfHonestVolume = (100 * earnedBy(['ring'])) / earnedBy(['honest', 'dying']);
  figures.successPercentWithRing = successPercent(ring);
  progress(
    `ring: ${figures.ringPercentOfHonestVolume} % of honest volume, ${figures.successPercentWithRing} % success`,
  );
  figures.longestRunSeconds = Math.max(last?.wallMs ?? 0, ring.wallMs) / SECONDS;
  figures.longestRunCpuSeconds = Math.max(last?.cpuMs ?? 0, ring.cpuMs) / SECONDS;
  const growth = (traffic[2] ?? 0) / (traffic[0] ?? 1);
  figures.trafficGrowthFrom100To10000 = growth;
  return {
    figures,
    goals: {
      successPercentAt10000: atLeast(figures.successPercentAt10000 ?? 0, 99.9),
      pricePercentAboveCheapestAt10000: atMost(figures.pricePercentAboveCheapestAt10000 ?? 100, 5),
      ringPercentOfHonestVolume: atMost(figures.ringPercentOfHonestVolume, 1),
      answersAfterAlarmAt10000: atMost(figures.answersAfterAlarmAt10000 ?? 1, 0),
      // The logarithm of 10,000 is twice that of 100.
      trafficGrowthFrom100To10000: atMost(growth, 2),
      longestRunSeconds: atMost(figures.longestRunSeconds, 600),
    },
    notes: [
      `Seed ${SEED}. Money was conserved on every channel, and no budget counted less than was paid.`,
      'Providers, network, channels and traffic are simulated; see the head of scripts/bench/simulate.ts.',
    ],
  };
}

function figuresOf(outcome: Outcome, size: number): Record<string, number> {
  const first = outcome.ended.flatMap(({ firstTokenMs }) => (firstTokenMs === null ? [] : [firstTokenMs]));
  const honest = outcome.providers.filter(({ kind }) => kind === 'honest');
  const failed = new Map<string, number>();
  for (const { error } of outcome.ended) if (error !== null) failed.set(error, (failed.get(error) ?? 0) + 1);
  progress(
    `${size} providers: ${(outcome.wallMs / SECONDS).toFixed(0)} s, failures ${JSON.stringify([...failed])}`,
  );
  return {
    [`successPercentAt${size}`]: successPercent(outcome),
    [`firstTokenMsMedianAt${size}`]: quantile(first, 0.5) ?? Number.NaN,
    [`firstTokenMs99PercentAt${size}`]: quantile(first, 0.99) ?? Number.NaN,
    [`pricePercentAboveCheapestAt${size}`]: 100 * (outcome.spent / outcome.cheapest - 1),
    [`honestEarningPercentAt${size}`]:
      (100 * honest.filter(({ earned }) => earned > 0n).length) / honest.length,
    ...auditFigures(outcome, size),
  };
}

/** Answers of another model, and what was done about them. Asserts that no check accused an honest provider. */
function auditFigures({ buyers }: Outcome, size: number): Record<string, number> {
  let alarms = 0;
  let boughtAfter = 0;
  for (const { alarmed, bought } of buyers) {
    for (const [provider, atMs] of alarmed) {
      assert.equal(provider.kind, 'coarse', 'no check accuses an honest provider');
      alarms += 1;
      boughtAfter += bought.filter((each) => each.provider === provider && each.startedAtMs > atMs).length;
    }
  }
  const others = buyers.filter(({ checks }) => !checks);
  const doubted = others.flatMap((buyer) => buyer.doubted);
  const opinionsCost = Number(others.reduce((sum, buyer) => sum + buyer.opinionsCost(), 0n));
  const spent = Number(others.reduce((sum, buyer) => sum + buyer.spent(), 0n));
  return {
    [`alarmsAt${size}`]: alarms,
    [`answersAfterAlarmAt${size}`]: boughtAfter,
    [`doubtsAt${size}`]: doubted.length,
    [`doubtsOfHonestAt${size}`]: doubted.filter(({ kind }) => kind !== 'coarse').length,
    [`opinionsPercentOfSpentAt${size}`]: (100 * opinionsCost) / spent,
    [`otherModelPercentOfCheckingBuyersAt${size}`]: otherModelPercent(buyers.filter(({ checks }) => checks)),
    [`otherModelPercentOfOtherBuyersAt${size}`]: otherModelPercent(others),
  };
}

function otherModelPercent(buyers: readonly Buyer[]): number {
  const bought = buyers.flatMap((buyer) => buyer.bought);
  return (100 * bought.filter(({ provider }) => provider.kind === 'coarse').length) / bought.length;
}

function successPercent({ ended }: Outcome): number {
  return (100 * ended.filter(({ error }) => error === null).length) / ended.length;
}

async function simulate(
  size: number,
  ring: number,
  opinionsFrom = DEFAULT_SETTINGS.opinionsFrom,
): Promise<Outcome> {
  const startMs = performance.now();
  const cpuBefore = process.cpuUsage();
  const random = seededRandom(SEED + size + ring);
  const clock = simulatedClock();
  const kinds = Array.from({ length: size + ring }, (_, index): Kind => {
    if (index >= size) return 'ring';
    const drawn = random.next();
    if (drawn < DYING_SHARE) return 'dying';
    if (drawn < DYING_SHARE + LYING_SHARE / 2) return 'lying';
    return drawn < DYING_SHARE + LYING_SHARE ? 'coarse' : 'honest';
  });
  const list = kinds.map((kind, index) => createProvider(index, kind, random));
  const market = { clock, random, providers: new Map(list.map((each) => [each.peer, each])), isSplit: false };
  const anyone = () => list[Math.floor(random.next() * list.length)] as SimulatedProvider;
  const honestAtRandom = () => {
    for (;;) {
      const drawn = anyone();
      if (drawn.kind === 'honest') return drawn;
    }
  };
  const onlineAtRandom = () => {
    for (let tries = 0; tries < 50; tries += 1) {
      const drawn = anyone();
      if (drawn.isOnline) return drawn;
    }
    return anyone();
  };
  const buyers = Array.from(
    { length: Math.max(BUYERS_MIN, Math.floor(size / PROVIDERS_PER_BUYER)) },
    (_, index) =>
      createBuyer({
        ...{ market, onlineAtRandom, opinionsFrom, side: index % 2 === 0 ? 0 : 1 },
        own: random.chance(CHECKING_BUYERS_SHARE) ? honestAtRandom() : null,
      }),
  );
  slander(list, clock.now());
  for (const provider of list) churn(provider);
  clock.after(SPLIT.fromMs, () => {
    market.isSplit = true;
  });
  clock.after(SPLIT.fromMs + SPLIT.forMs, () => {
    market.isSplit = false;
  });

  /** Peers come and go; the first session has begun before. */
  function churn(provider: SimulatedProvider): void {
    provider.isOnline = random.chance(0.5) || provider.kind === 'ring';
    if (provider.kind === 'ring') return;
    const mean = SESSION_MS_MEDIAN / Math.LN2;
    const turn = () => {
      provider.isOnline = !provider.isOnline;
      clock.after(random.exponential(mean), turn);
    };
    clock.after(random.exponential(mean), turn);
  }

  const ended: Ended[] = [];
  let cheapest = 0;
  const requests = size * REQUESTS_PER_PROVIDER;
  let open = 0;
  for (let id = 0; id < requests; id += 1) {
    clock.after(arrivalMs(random.next()), () => {
      const buyer = buyers[Math.floor(random.next() * buyers.length)] as Buyer;
      const inputBytes = Math.round(Math.min(8_000, Math.max(64, random.lognormal(600, 0.8))));
      const outputTokens = Math.round(Math.min(400, Math.max(8, random.lognormal(80, 0.7))));
      const rival = cheapestHonest(buyer.view());
      open += 1;
      void buyer.ask({ id, inputBytes, outputTokens }).then((end) => {
        open -= 1;
        ended.push(end);
        if (end.error !== null || rival === null) return;
        cheapest += Number(charge(rival.model.price, { input: end.inputTokens, output: end.outputTokens }));
      });
    });
  }
  await clock.runUntil(DURATION_MS + DRAIN_MS);
  assert.equal(open, 0, 'every request ends');
  await Promise.all(buyers.map(({ idle }) => idle()));
  const spent = checkMoney(list, buyers);
  const { user, system } = process.cpuUsage(cpuBefore);
  const took = { wallMs: performance.now() - startMs, cpuMs: (user + system) / 1_000 };
  return { ended, cheapest, spent, providers: list, buyers, ...took };
}

/** Those that sell another model show as many verdicts as they may: praise for each other, and accusations of honest ones. */
function slander(providers: readonly SimulatedProvider[], atMs: number): void {
  const coarse = providers.filter(({ kind }) => kind === 'coarse');
  const honest = providers.filter(({ kind }) => kind === 'honest');
  for (const [index, auditor] of coarse.entries()) {
    const half = (from: readonly SimulatedProvider[]) =>
      Array.from({ length: Math.min(VERDICTS_MAX / 2, from.length - 1) }, (_, place) =>
        forceUnwrap('a provider', from[(index + 1 + place) % from.length]),
      );
    const verdicts = [...half(coarse), ...half(honest)].map((provider) =>
      JSON.stringify({
        ...{ auditor: auditor.peer, provider: provider.peer, sha256: SHA256, answers: 10, tokens: 1_000 },
        ...{ hasPassed: provider.kind === 'coarse', atMs },
      } satisfies AuditVerdict),
    );
    auditor.verdicts = () => verdicts;
  }
}

/** Spreads requests evenly, but for the crowd. */
function arrivalMs(drawn: number): number {
  const extra = CROWD.forMs * (CROWD.factor - 1);
  const position = drawn * (DURATION_MS + extra);
  if (position < CROWD.fromMs) return position;
  const inCrowd = (position - CROWD.fromMs) / CROWD.factor;
  return inCrowd < CROWD.forMs ? CROWD.fromMs + inCrowd : position - extra;
}

function cheapestHonest(view: readonly SimulatedProvider[]): SimulatedProvider | null {
  return view.reduce<SimulatedProvider | null>((least, each) => {
    if (each.kind !== 'honest' || each.running >= each.offer.slots) return least;
    const isCheaper =
      least === null ||
      BigInt(each.model.price.outputPerMillion) < BigInt(least.model.price.outputPerMillion);
    return isCheaper ? each : least;
  }, null);
}

/**
 * Asserts that each base unit that a provider charged was paid or is claimed by a disputed bill, and that no budget counts
 * less than its buyer paid. Returns everything that the buyers are charged.
 */
function checkMoney(providers: readonly SimulatedProvider[], buyers: readonly Buyer[]): number {
  let total = 0n;
  for (const buyer of buyers) {
    let paid = 0n;
    for (const channel of buyer.connection.channels) {
      assert.equal(
        channel.charged,
        channel.paid + channel.claimed,
        `the charges of channel ${channel.id} are paid`,
      );
      total += channel.charged;
      paid += channel.paid;
    }
    assert.ok(buyer.spent() >= paid, 'the budget counts everything that was paid');
  }
  assert.equal(
    total,
    providers.reduce((sum, { earned }) => sum + earned, 0n),
    'what was charged was earned',
  );
  return Number(total);
}
