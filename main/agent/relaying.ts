/** Opens what pays the relays over which this machine is reached, within the owner's limits. */

import { verifySigned } from '../adapters/libp2p/index.ts';
import type { Budget } from '../core/budget/index.ts';
import { isPayable, LIVE_OFFER_CLOCK_ERROR_MS_MAX } from '../core/identity/index.ts';
import {
  createRelaySpending,
  RelayBuying,
  type RelayChannels,
  readRelayTerms,
} from '../core/relaying/index.ts';
import type { Network } from '../ports/network.ts';
import type { Payer } from '../ports/payments.ts';
import type { Foundation } from './foundation.ts';
import type { Money } from './money.ts';
import type { Surroundings } from './surroundings.ts';

export interface RelayingParts {
  readonly foundation: Pick<Foundation, 'records'> & {
    readonly settings: Pick<Foundation['settings'], 'get'>;
    readonly ledger: Pick<Foundation['ledger'], 'relayingCharged'>;
  };
  readonly money: Pick<Money, 'chain'>;
  readonly network: Network;
  readonly payer: Payer;
  readonly budget: Budget;
  readonly relayChannels: RelayChannels;
}

export function openRelaying(
  { clock, log, onClose, changed }: Pick<Surroundings, 'clock' | 'log' | 'onClose' | 'changed'>,
  parts: RelayingParts,
): void {
  const { foundation, money, network, payer, budget, relayChannels } = parts;
  const { settings, ledger, records } = foundation;
  const { chain } = money;
  const relays = network.market?.relays ?? null;
  if (relays === null) return;
  const buying = new RelayBuying({
    ...{ payer, clock, log: log.child('relays') },
    fetch: (relay, path, init) => network.fetch(relay, path, init),
    spending: createRelaySpending({ records, budget, dayMax: () => BigInt(settings.get().relayDayMax) }),
    readTerms: (jws, relay) =>
      readRelayTerms(jws, relay, { verifySigned, clock, clockErrorMsMax: LIVE_OFFER_CLOCK_ERROR_MS_MAX }),
    isPayable: (terms) => isPayable(terms, { network: chain.id, assetId: chain.token.id }),
    priceMax: () => BigInt(settings.get().relayPriceMax),
    onLease: (channelId) => relayChannels.note(channelId),
    onPaid(peer, { channelId }, { charged, cumulative }) {
      const assetId = chain.token.id;
      ledger.relayingCharged({ side: 'bought', peer, channelId, assetId, amount: charged, cumulative });
      changed('money');
    },
    leave: (relay) => relays.leave(relay),
  });
  onClose(() => buying.stop());
  relays.choose(buying);
}
