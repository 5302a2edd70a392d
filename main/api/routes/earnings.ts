/** Earnings: sums by day and model, forecasts, ledger entries, and the claim and payout on demand. */
import { AppError } from '../../../shared/errors.ts';
import { ZERO } from '../../../shared/money.ts';
import { POSTING_KINDS } from '../../ports/ledger.ts';
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

type EarningsParts = Pick<ApiParts, 'ledger' | 'forecasts' | 'settlement' | 'assetId' | 'coinId'>;

export function earningsRoutes(api: ApiImplementer['earnings'], parts: EarningsParts) {
  const { ledger, forecasts, settlement, assetId, coinId } = parts;
  return {
    byDay: api.byDay.handler(({ input }) => ({
      days: ledger.earningsByDay(assetId, coinId, input.days).map((day) => ({
        ...day,
        earned: day.earned.toString(),
        feesCoin: day.feesCoin.toString(),
      })),
    })),
    forecast: api.forecast.handler(({ input }) => ({
      forecast: forecasts.current(),
      scores: [...forecasts.scores(input.days)],
    })),
    byModel: api.byModel.handler(({ input }) => ({
      models: ledger
        .earningsByModel(assetId, input.days)
        .map((model) => ({ ...model, earned: model.earned.toString() })),
    })),
    receivables: api.receivables.handler(() => ({
      receivables: settlement.receivables().map((receivable) => ({
        ...receivable,
        owed: receivable.owed.toString(),
        claimed: receivable.claimed.toString(),
        claimedTotal: receivable.claimedTotal.toString(),
      })),
    })),
    entries: api.entries.handler(({ input }) => ({ entries: listEntries(ledger, input) })),
    settle: api.settle.handler(() => settleNow(settlement)),
  };
}

function listEntries(
  ledger: ApiParts['ledger'],
  input: { readonly kind?: string | undefined; limit: number },
) {
  const kind = POSTING_KINDS.find((known) => known === input.kind);
  if (input.kind !== undefined && kind === undefined) {
    throw new AppError('bad-request', `Invalid kind of entry "${input.kind}".`);
  }
  return ledger.entries({ ...(kind && { kind }), limit: input.limit }).map((posting) => ({
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
