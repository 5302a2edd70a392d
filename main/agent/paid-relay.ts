/** Opens what a relay that charges has in addition: database, wallet and settlement, and the allowances that it sells. */
import { type Amount, plainAsset } from '../../shared/money.ts';
import { closeHttp, createHttpServer } from '../adapters/http/index.ts';
import { createPaymentGate } from '../adapters/x402/index.ts';
import { createNotices } from '../core/notices/index.ts';
import { createLimitLog } from '../core/provider/index.ts';
import { createAllowances, createRelayingService, createRelayTerms } from '../core/relaying/index.ts';
import type { HomePaths } from '../ports/data-folder.ts';
import type { PublicNode, RelayMeter } from '../ports/network.ts';
import { openFoundation } from './foundation.ts';
import { openMoney } from './money.ts';
import { termsOf } from './profiles.ts';
import type { Surroundings } from './surroundings.ts';

export interface PaidRelay {
  readonly meter: RelayMeter;
  /** Sells from now on. */
  serve(node: Pick<PublicNode, 'key' | 'serve' | 'prefer'>): void;
}

/** `price`: base units of USDC per megabyte. Fails like the start of an agent. */
export async function openPaidRelay(
  given: Pick<Surroundings, 'config' | 'clock' | 'log' | 'onClose'>,
  paths: HomePaths,
  price: Amount,
): Promise<PaidRelay> {
  const { config, clock, log, onClose } = given;
  const surroundings: Surroundings = {
    ...given,
    terms: termsOf(config.profile, config.network ?? null),
    serves: true,
    notices: createNotices(),
    changed: () => undefined,
  };
  // It computes nothing, so it doesn't need the machine to itself.
  const foundation = openFoundation({ ...surroundings, serves: false }, paths);
  const money = await openMoney(surroundings, foundation, { begin: () => undefined });
  const { database, records, ledger } = foundation;
  const { durability } = database;
  const allowances = createAllowances({ records, clock, durability });
  const gate = createPaymentGate(money.channels);
  return {
    meter: allowances,
    serve(node) {
      const { chain, wallet } = money;
      const terms = createRelayTerms(node.key, clock, () => ({
        payout: wallet.payout,
        networks: [chain.id],
        asset: plainAsset(chain.token),
        pricePerMegabyte: price.toString(),
      }));
      const app = createRelayingService({
        ...{ gate, allowances, terms, ledger, clock },
        price: () => price,
        transaction: database.transaction,
        durability,
        onSold: node.prefer,
        onLimited: createLimitLog(log.child('relay'), clock),
        onUnexpected: (error) => log.child('relay').error('A payment failed unexpectedly', error),
      });
      const server = createHttpServer(app);
      node.serve(server);
      onClose(() => closeHttp(server));
      money.start(() => false);
    },
  };
}
