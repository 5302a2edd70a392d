/** The provider's side of x402, put together once: what the gate and the claims share. */
import {
  type FacilitatorClient,
  type HTTPAdapter,
  x402HTTPResourceServer,
  x402ResourceServer,
} from '@x402/core/server';
import { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/server';
import type { Amount } from '../../../shared/money.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import type { Account, ChainSender, RecoverSigner } from '../../ports/evm.ts';
import type { RecordStore } from '../../ports/store.ts';
import { clearPendingRequests, createSoldChannels, type SoldChannels } from './channel-storage.ts';
import { NEVER_FRESH_MS, verifyLocally } from './local-verification.ts';
import { createFacilitator } from './operation.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import { createVoucherHashes, type VoucherHashes } from './voucher-signature.ts';
import { SCHEME } from './wire.ts';

/** The longest time between admission and charge; after it the charge would be lost. */
const REQUEST_SECONDS_MAX = 600;

export interface ProviderChannelsOptions {
  readonly network: ChainNetwork;
  /** Address that is paid. Its key need not be on this machine. */
  readonly payout: string;
  /** Signs claims and refunds for the payout address (`receiverAuthorizer`). */
  readonly authorizer: Account;
  /** Sends deposits, claims and payouts, and pays their fees. */
  readonly sender: ChainSender;
  readonly store: RecordStore;
  /** How long a payer's own withdrawal takes: 900 to 2,592,000. Home PCs sleep, so a day or more. */
  readonly withdrawDelaySeconds: number;
  /** Smaller deposits are refused: each costs a fee. */
  readonly depositMin: Amount;
  /** Checks ordinary vouchers; without it x402's server does, to the same effect and slower. */
  readonly recoverSigner?: RecoverSigner;
  /** For tests: how long a facilitator may take to answer, and what it claims to show on the chain. */
  readonly relayTimeouts?: { readonly answerMs: number; readonly showMs: number };
}

export interface ProviderChannels {
  readonly options: ProviderChannelsOptions;
  readonly scheme: BatchSettlementEvmScheme;
  readonly server: x402HTTPResourceServer;
  readonly facilitator: FacilitatorClient;
  readonly hashes: VoucherHashes;
  readonly channels: SoldChannels;
  readonly outbox: Outbox;
  /** Called when the outbox holds something that no claim of ours brought. Returns its unsubscribe. */
  readonly onFound: (listener: () => void) => () => void;
  readonly announceFound: () => void;
}

/** A request as x402's server reads it; the price comes with it. */
export interface PricedRequest extends HTTPAdapter {
  readonly price: Amount;
}

/** Opens the books and frees what an earlier run left open. Needs no chain. */
export async function openProviderChannels(options: ProviderChannelsOptions): Promise<ProviderChannels> {
  const { network } = options;
  const networkId = network.id as `${string}:${string}`;
  const channels = createSoldChannels(options.store);
  clearPendingRequests(channels);
  const facilitator = createFacilitator(network, options.sender);
  const hashes = createVoucherHashes(network.chainId);
  // A withdrawal begun right after a look at the chain is seen with two thirds of its delay left to claim,
  // and a chain that is down for hours stops no job within a funded channel.
  const freshMs = Math.floor((options.withdrawDelaySeconds * 1_000) / 3);
  const { recoverSigner } = options;
  const scheme = new BatchSettlementEvmScheme(options.payout as `0x${string}`, {
    storage: channels,
    receiverAuthorizerSigner: options.authorizer,
    withdrawDelay: options.withdrawDelaySeconds,
    enforceMinDeposit: true,
    onchainStateTtlMs: recoverSigner === undefined ? freshMs : NEVER_FRESH_MS,
  });
  // The smallest deposit follows the price; a payer who kept the requirements cannot know it exactly.
  Object.assign(scheme, { dynamicExtraFields: ['minDeposit'] });
  const verifier =
    recoverSigner === undefined
      ? facilitator
      : verifyLocally({ facilitator, scheme, channels, hashes, recoverSigner, freshMs });
  const server = new x402HTTPResourceServer(new x402ResourceServer(verifier).register(networkId, scheme), {
    accepts: {
      scheme: SCHEME,
      network: networkId,
      payTo: options.payout,
      price: ({ adapter }) => ({
        amount: (adapter as PricedRequest).price.toString(),
        asset: network.token.address,
        extra: { ...network.token.eip712 },
      }),
      maxTimeoutSeconds: REQUEST_SECONDS_MAX,
      extra: { minDeposit: options.depositMin.toString() },
    },
  });
  await server.initialize();
  const listeners = new Set<() => void>();
  return {
    options,
    scheme,
    server,
    facilitator,
    hashes,
    channels,
    outbox: createOutbox(options.store),
    onFound(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    announceFound() {
      for (const listener of listeners) listener();
    },
  };
}
