/** Describes a planned transfer to the owner: when it is prepared, and when it has to be confirmed. */
import type { PreparedSpend, SpendSummary } from '../../../shared/api/wallet.ts';
import type { Asset } from '../../../shared/money.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import type { Hex } from '../../ports/evm.ts';
import type { SpendPlan } from './quote.ts';
import { feeMax } from './transactions.ts';

/** Returns the description of a transfer that was prepared under this ID. */
export function preparedSpend(id: string, plan: SpendPlan, expiresAtMs: number): PreparedSpend {
  return {
    id,
    asset: plan.asset,
    to: plan.to,
    amount: plan.amount.toString(),
    fee: feeMax(plan).toString(),
    total: totalOf(plan).toString(),
    warnings: [...plan.warnings],
    smallTest: plan.smallTest,
    expiresAtMs,
  };
}

/** Returns everything that the owner must see before confirming the plan. */
export function spendSummary(
  plan: SpendPlan,
  terms: {
    readonly from: Hex;
    readonly network: ChainNetwork;
    readonly networkName: string;
    readonly expiresAtMs: number;
  },
): SpendSummary {
  const { from, network, networkName, expiresAtMs } = terms;
  const asset = plan.cancels && plan.replaces !== null ? plan.replaces.asset : plan.asset;
  return {
    action: plan.cancels ? 'cancel' : plan.replaces === null ? 'send' : 'speed-up',
    networkName,
    asset: plainAsset(network[asset]),
    coin: plainAsset(network.coin),
    from,
    to: plan.to,
    amount: plan.amount.toString(),
    fee: feeMax(plan).toString(),
    total: totalOf(plan).toString(),
    warnings: [...plan.warnings],
    smallTest: plan.smallTest,
    replaces: plan.replaces?.hash ?? null,
    payout: payoutOf(plan),
    expiresAtMs,
  };
}

/** Canceling a payout isn't one, and still the owner must see whose it was. */
function payoutOf({ payout, replaces }: SpendPlan): SpendSummary['payout'] {
  const named = payout ?? replaces?.payout ?? null;
  return named === null ? null : { customerId: named.customerId, name: named.name };
}

/** Largest amount of the plan's asset that the transfer takes from the wallet. */
function totalOf(plan: SpendPlan): bigint {
  return plan.asset === 'coin' ? plan.amount + feeMax(plan) : plan.amount;
}

/** Drops the fields that only the chain's description of an asset has. */
function plainAsset({ id, symbol, decimals, practice }: Asset): Asset {
  return { id, symbol, decimals, practice };
}
