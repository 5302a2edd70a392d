/** x402's server side, composed once: the parts that the payment gate and the claims share. */
import {
  type FacilitatorClient,
  type HTTPAdapter,
  x402HTTPResourceServer,
  x402ResourceServer,
} from '@x402/core/server';
import { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/server';
import type { Amount } from '../../../../shared/money.ts';
import type { ChainNetwork, CoinPrice } from '../../../ports/chain.ts';
import type { Account, ChainSender, RecoverSigner } from '../../../ports/evm.ts';
import type { Durability, RecordStore } from '../../../ports/store.ts';
import { createFacilitator } from '../chain/facilitator.ts';
import { createOutbox, type Outbox } from '../chain/outbox.ts';
import type { RelayTimeouts } from '../chain/relays.ts';
import { clearPendingRequests, createSoldChannels, type SoldChannels } from '../sold-channels.ts';
import { type Payment, parsePayment, SCHEME } from '../wire.ts';
import { createDepositMinimum } from './deposit-minimum.ts';
import { NEVER_FRESH_MS, verifyLocally } from './local-verification.ts';
import { createRecent, recoverOnce } from './recent.ts';
import { createVoucherHashes, type VoucherHashes } from './voucher-signature.ts';

/** Maximum time between admission and charge; a later charge would be lost. */
const REQUEST_SECONDS_MAX = 600;

export interface ProviderChannelsOptions {
  readonly network: ChainNetwork;
  /** Payout address. Its key need not be on this machine. */
  readonly payout: string;
  /** Signs claims and refunds for the payout address (`receiverAuthorizer`). */
  readonly authorizer: Account;
  /** Sends deposits, claims and payouts, and pays their fees. */
  readonly sender: ChainSender;
  readonly store: RecordStore;
  /**
   * Defers the records of single requests, and those of claims that the chain shows again after a crash. Default: each is
   * on disk immediately.
   */
  readonly durability?: Durability;
  /** Duration of a payer's own withdrawal: 900 to 2,592,000. Home PCs sleep, so a day or more. */
  readonly withdrawDelaySeconds: number;
  /** Smaller deposits are refused: each costs a fee. */
  readonly depositMin: Amount;
  /**
   * Price of the native coin, from which the fee of a deposit follows: the minimum deposit is a multiple of it. Default:
   * unknown, so that `depositMin` alone counts.
   */
  readonly coinPrice?: () => CoinPrice | null;
  /** Checks ordinary vouchers. Without it x402's server checks them, with the same result but slower. */
  readonly recoverSigner?: RecoverSigner;
  /** For tests: time limits for a facilitator's answer, and for its reported success to be on the chain. */
  readonly relayTimeouts?: RelayTimeouts;
}

export interface ProviderChannels {
  readonly options: ProviderChannelsOptions;
  readonly scheme: BatchSettlementEvmScheme;
  readonly server: x402HTTPResourceServer;
  readonly facilitator: FacilitatorClient;
  readonly hashes: VoucherHashes;
  readonly channels: SoldChannels;
  readonly outbox: Outbox;
  /** Returns a header's payment, the same object for the same header; null for what isn't one. */
  readonly readPayment: (header: string) => Payment | null;
  /** The smallest deposit now, many times the fee of its transaction. */
  readonly depositMin: () => Amount;
  /** Calls the listener when the outbox has an entry that none of our claims produced. Returns its unsubscribe. */
  readonly onFound: (listener: () => void) => () => void;
  readonly announceFound: () => void;
}

/** A request in the form that x402's server reads, with its price. */
export interface PricedRequest extends HTTPAdapter {
  readonly price: Amount;
}

/** Opens the channel records and frees channels that an earlier run left busy. Works without the chain. */
export async function openProviderChannels(given: ProviderChannelsOptions): Promise<ProviderChannels> {
  const { network } = given;
  const recoverSigner = given.recoverSigner && recoverOnce(given.recoverSigner);
  const options = { ...given, ...(recoverSigner && { recoverSigner }) };
  const channels = createSoldChannels(options.store, options.durability);
  clearPendingRequests(channels);
  const facilitator = createFacilitator(network, options.sender);
  const hashes = createVoucherHashes(network.chainId);
  // A withdrawal that starts right after a check of the chain is detected with two thirds of its delay left for the
  // claim, and a chain that is unavailable for hours stops no job within a funded channel.
  const freshMs = Math.floor((options.withdrawDelaySeconds * 1_000) / 3);
  const scheme = new SellingScheme(options.payout as `0x${string}`, {
    storage: channels,
    receiverAuthorizerSigner: options.authorizer,
    withdrawDelay: options.withdrawDelaySeconds,
    enforceMinDeposit: true,
    onchainStateTtlMs: recoverSigner === undefined ? freshMs : NEVER_FRESH_MS,
  });
  const depositMin = createDepositMinimum({
    base: options.depositMin,
    chain: options.sender,
    coinPrice: options.coinPrice ?? (() => null),
    monotonic: () => performance.now(),
  });
  scheme.depositMin = depositMin;
  // The minimum deposit follows the price, so a payer with stored requirements may not have its current value.
  Object.assign(scheme, { dynamicExtraFields: ['minDeposit'] });
  const verifier =
    recoverSigner === undefined
      ? facilitator
      : verifyLocally({ facilitator, scheme, channels, hashes, recoverSigner, freshMs });
  const server = createServer(options, verifier, scheme);
  await server.initialize();
  const listeners = new Set<() => void>();
  const payments = createRecent<Payment | null>();
  return {
    options,
    scheme,
    server,
    facilitator,
    hashes,
    channels,
    depositMin,
    readPayment: (header) => payments(header, () => parsePayment(header)),
    outbox: createOutbox(options.store, options.durability),
    onFound(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    announceFound() {
      for (const listener of listeners) listener();
    },
  };
}

/** x402's scheme with a minimum deposit that follows the network fee. */
class SellingScheme extends BatchSettlementEvmScheme {
  depositMin: (() => Amount) | null = null;

  override async resolveMinDepositHint(
    requirements: Parameters<BatchSettlementEvmScheme['resolveMinDepositHint']>[0],
  ): Promise<string> {
    const byPrice = BigInt(await super.resolveMinDepositHint(requirements));
    const byFee = this.depositMin?.() ?? byPrice;
    return (byFee > byPrice ? byFee : byPrice).toString();
  }
}

function createServer(
  { network, payout, depositMin }: ProviderChannelsOptions,
  verifier: FacilitatorClient,
  scheme: BatchSettlementEvmScheme,
): x402HTTPResourceServer {
  const networkId = network.id as `${string}:${string}`;
  return new x402HTTPResourceServer(new x402ResourceServer(verifier).register(networkId, scheme), {
    accepts: {
      scheme: SCHEME,
      network: networkId,
      payTo: payout,
      price: ({ adapter }) => ({
        amount: (adapter as PricedRequest).price.toString(),
        asset: network.token.address,
        extra: { ...network.token.eip712 },
      }),
      maxTimeoutSeconds: REQUEST_SECONDS_MAX,
      extra: { minDeposit: depositMin.toString() },
    },
  });
}
