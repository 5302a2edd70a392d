/** Opens what takes a buyer's deposits back: on demand, and automatically from providers that failed. */
import type { Budget } from '../core/budget/index.ts';
import { createDepositReturns, type DepositReturns } from '../core/payments/index.ts';
import type { Network } from '../ports/network.ts';
import type { PaymentClient } from '../ports/payments.ts';
import type { Foundation } from './foundation.ts';
import type { Money } from './money.ts';
import type { Surroundings } from './surroundings.ts';

export function openDepositReturns(
  { clock, onClose, changed, log }: Surroundings,
  parts: {
    readonly foundation: Foundation;
    readonly money: Money;
    readonly network: Network;
    readonly payer: PaymentClient;
    readonly budget: Budget;
  },
): DepositReturns {
  const { foundation, money, network, payer, budget } = parts;
  const returns = createDepositReturns({
    returns: payer.returns,
    ledger: foundation.ledger,
    assetId: money.chain.token.id,
    clock,
    log: log.child('deposits'),
    hasFailed: budget.hasFailed,
    providerOf: (peer) => ({ peer, fetch: (path, init) => network.fetch(peer, path, init) }),
    changed() {
      changed('money', 'wallet');
      void money.balances.refresh();
    },
  });
  const timer = returns.start();
  onClose(() => timer.cancel());
  return returns;
}
