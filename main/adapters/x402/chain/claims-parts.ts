/** The parts of the provider's payment side that claims need; the selling module provides them. */
import type { FacilitatorClient } from '@x402/core/server';
import type { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/server';
import type { ChainNetwork } from '../../../ports/chain.ts';
import type { ChainSender } from '../../../ports/evm.ts';
import type { Durability, RecordStore } from '../../../ports/store.ts';
import type { SoldChannels } from '../sold-channels.ts';
import type { Outbox } from './outbox.ts';
import type { RelayTimeouts } from './relays.ts';

export interface ClaimsParts {
  readonly options: {
    readonly network: ChainNetwork;
    readonly payout: string;
    readonly sender: ChainSender;
    readonly store: RecordStore;
    readonly durability?: Durability;
    readonly withdrawDelaySeconds: number;
    readonly relayTimeouts?: RelayTimeouts;
  };
  readonly scheme: BatchSettlementEvmScheme;
  readonly facilitator: FacilitatorClient;
  readonly channels: SoldChannels;
  readonly outbox: Outbox;
  readonly onFound: (listener: () => void) => () => void;
}
