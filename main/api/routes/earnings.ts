/** Earnings: sums by day and model, forecasts, ledger entries, and the claim and payout on demand. */
import { AppError } from '../../../shared/errors.ts';
import type { ExportFormat } from '../../../shared/exports.ts';
import { ZERO } from '../../../shared/money.ts';
import type { Overview } from '../../core/earnings/index.ts';
import { POSTING_KINDS } from '../../ports/ledger.ts';
import { type ApiImplementer, translated } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

type EarningsParts = Pick<
  ApiParts,
  | 'ledger'
  | 'history'
  | 'forecasts'
  | 'settlement'
  | 'assetId'
  | 'coinId'
  | 'earnings'
  | 'calendar'
  | 'daysIn'
  | 'doings'
  | 'log'
>;

export function earningsRoutes(api: ApiImplementer['earnings'], parts: EarningsParts) {
  const { ledger, history, forecasts, settlement, doings, assetId, coinId } = parts;
  const exporting = createExporting(parts);
  return {
    byDay: api.byDay.handler(async ({ input }) => ({
      days: (await history.earningsByDay(assetId, coinId, input.days)).map(({ resold: _, ...day }) => ({
        ...day,
        earned: day.earned.toString(),
        feesCoin: day.feesCoin.toString(),
      })),
    })),
    forecast: api.forecast.handler(async ({ input }) => ({
      forecast: forecasts.current(),
      scores: [...(await forecasts.scores(input.days))],
    })),
    today: api.today.handler(() => {
      const earned = new Map(ledger.earningsByHour(assetId).map((hour) => [hour.fromMs, hour.earned]));
      const hours = doings.today();
      const rest = forecasts.restOfDay(hours);
      return {
        hours: hours.map(({ fromMs, toMs, did }, index) => ({
          ...{ fromMs, toMs, did },
          earned: (earned.get(fromMs) ?? ZERO).toString(),
          expected: rounded(rest?.hours[index] ?? null),
        })),
        rest: rest && {
          expected: rounded(rest.expected),
          low: rounded(rest.low),
          high: rounded(rest.high),
          days: rest.days,
        },
      };
    }),
    coming: api.coming.handler(({ input }) => {
      const coming = forecasts.coming(input.days);
      return {
        coming: coming && {
          days: coming.days.map(({ day, expected }) => ({ day, expected: rounded(expected) })),
          pastDays: coming.pastDays,
        },
      };
    }),
    byModel: api.byModel.handler(async ({ input }) => ({
      models: (await history.earningsByModel(assetId, input.days)).map((model) => ({
        ...model,
        earned: model.earned.toString(),
      })),
    })),
    byNetwork: api.byNetwork.handler(async ({ input }) =>
      networksText(await history.earningsByNetwork(assetId, input.days)),
    ),
    overview: api.overview.handler(async ({ input }) =>
      overviewText(await parts.earnings.overview(parts.daysIn(input.period))),
    ),
    export: api.export.handler(({ input, signal, path }) =>
      translated(exporting(input, signal), path, parts.log),
    ),
    receivables: api.receivables.handler(() => ({
      receivables: settlement.receivables().map((receivable) => ({
        ...receivable,
        owed: receivable.owed.toString(),
        claimed: receivable.claimed.toString(),
        claimedTotal: receivable.claimedTotal.toString(),
      })),
    })),
    entries: api.entries.handler(async ({ input }) => ({ entries: await listEntries(history, input) })),
    settle: api.settle.handler(() => settleNow(settlement)),
  };
}

async function listEntries(
  history: ApiParts['history'],
  input: { readonly kind?: string | undefined; limit: number },
) {
  const kind = POSTING_KINDS.find((known) => known === input.kind);
  if (input.kind !== undefined && kind === undefined) {
    throw new AppError('bad-request', `Invalid kind of entry "${input.kind}".`);
  }
  const postings = await history.entries({ ...(kind && { kind }), limit: input.limit });
  return postings.map((posting) => ({
    id: posting.key,
    atMs: posting.atMs,
    kind: posting.kind,
    description: posting.description,
    reference: posting.txHash ?? posting.jobId,
    lines: posting.lines.map((line) => ({
      account: line.account,
      assetId: line.assetId,
      amount: line.amount.toString(),
    })),
  }));
}

async function settleNow(settlement: ApiParts['settlement']) {
  const { claims, settle } = await settlement.settleNow();
  const claimed = claims
    .flatMap((claim) => claim.channels)
    .reduce((total, channel) => total + channel.amount, 0n);
  return {
    claimed: claimed.toString(),
    received: (settle?.amount ?? ZERO).toString(),
    claimTx: claims[0]?.tx.hash ?? null,
    settleTx: settle?.tx.hash ?? null,
  };
}

function rounded(amount: number): string;
function rounded(amount: number | null): string | null;
function rounded(amount: number | null): string | null {
  return amount === null ? null : String(Math.round(amount));
}

function networksText({ market, storefront, kudos }: Overview['networks']) {
  return {
    market: { ...market, earned: market.earned.toString() },
    storefront: { ...storefront, earned: storefront.earned.toString() },
    kudos: kudos.toString(),
  };
}

function overviewText({ days, models, devices, networks, totals }: Overview) {
  return {
    days: days.map(({ resold: _, ...each }) => ({
      ...each,
      earned: each.earned.toString(),
      feesCoin: each.feesCoin.toString(),
    })),
    models: models.map((each) => ({ ...each, earned: each.earned.toString() })),
    devices: devices.map((each) => ({ ...each, earned: each.earned.toString() })),
    networks: networksText(networks),
    totals: { ...totals, earned: totals.earned.toString(), feesCoin: totals.feesCoin.toString() },
  };
}

interface ExportInput {
  readonly format: ExportFormat;
  readonly from: string | null;
  readonly to: string | null;
}

function createExporting({ history, calendar }: EarningsParts) {
  let isRunning = false;
  return async function* exporting(
    { format, from, to }: ExportInput,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<string, void, void> {
    if (isRunning) throw new AppError('busy', 'Another export is running. Wait until it has finished.');
    const fromMs = from === null ? 0 : calendar.startOfDay(noonOf(from));
    const toMs = to === null ? Number.MAX_SAFE_INTEGER : calendar.startOfNextDay(noonOf(to));
    isRunning = true;
    try {
      for await (const piece of history.export({ format, fromMs, toMs })) {
        if (signal?.aborted) return;
        yield piece;
      }
    } finally {
      isRunning = false;
    }
  };
}

/** Noon of a local day, which is on that day in any zone. Fails with `bad-request`. */
function noonOf(day: string): number {
  const inUtc = new Date(`${day}T12:00:00Z`);
  if (Number.isNaN(inUtc.getTime()) || inUtc.toISOString().slice(0, 10) !== day) {
    throw new AppError('bad-request', `Invalid day "${day}". Use an existing day as YYYY-MM-DD.`);
  }
  return Date.parse(`${day}T12:00:00`);
}
