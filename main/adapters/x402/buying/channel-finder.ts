/** Derives the channels of the buying side from peer names and keys alone, so that owning one requires no record. */
import { createHash } from 'node:crypto';
import type { PaymentRequirements } from '@x402/core/types';
import {
  type BatchSettlementClientDeps,
  buildChannelConfig,
  computeChannelId,
} from '@x402/evm/batch-settlement/client';
import { isAppError } from '../../../../shared/errors.ts';
import type { ChainNetwork } from '../../../ports/chain.ts';
import type { Account, ChainReader, Hex } from '../../../ports/evm.ts';
import { type ClientChannelStorage, SCHEME } from '../wire.ts';

/** One channel, with the dependencies of x402's client functions for it. */
export interface BoughtChannel {
  readonly peer: string;
  /** Lower case. */
  readonly id: string;
  readonly networkId: string;
  readonly config: ReturnType<typeof buildChannelConfig>;
  readonly deps: BatchSettlementClientDeps;
}

export interface ChannelFinderOptions {
  readonly network: ChainNetwork;
  readonly funds: Account;
  readonly session: Account;
  readonly chain: ChainReader;
  readonly storage: ClientChannelStorage;
}

/** Returns the channel with this number at a provider with the terms of `requirement`. */
export type ChannelFinder = (peer: string, index: number, requirement: PaymentRequirements) => BoughtChannel;

export function createChannelFinder(options: ChannelFinderOptions): ChannelFinder {
  const { network, funds, session, storage } = options;

  /** While the chain is unavailable, uses the last known state: the provider's proof is one of our own vouchers. */
  async function readOrRemembered(call: Parameters<ChainReader['readContract']>[0]): Promise<unknown> {
    try {
      return await options.chain.readContract(call);
    } catch (error) {
      if (!isAppError(error, 'chain-unavailable')) throw error;
      const known = await storage.get(String(call.args?.[0]));
      if (known?.balance === undefined) throw error;
      return [BigInt(known.balance), BigInt(known.totalClaimed ?? '0')];
    }
  }

  return (peer, index, requirement) => {
    const deps: BatchSettlementClientDeps = {
      signer: {
        address: funds.address,
        signTypedData: (data) => funds.signTypedData(data),
        readContract: readOrRemembered,
      },
      storage,
      salt: channelSalt(session.address, peer, index),
      payerAuthorizer: session.address,
      voucherSigner: { address: session.address, signTypedData: (data) => session.signTypedData(data) },
    };
    const config = buildChannelConfig(deps, requirement);
    const id = computeChannelId(config, network.id).toLowerCase();
    return { peer, id, networkId: network.id, config, deps };
  };
}

/** Returns the requirement from which a channel with these terms was made. */
export function requirementOf({
  config,
  networkId,
}: Pick<BoughtChannel, 'config' | 'networkId'>): PaymentRequirements {
  return {
    scheme: SCHEME,
    network: networkId as PaymentRequirements['network'],
    asset: config.token,
    amount: '1',
    payTo: config.receiver,
    maxTimeoutSeconds: 0,
    extra: { receiverAuthorizer: config.receiverAuthorizer, withdrawDelay: config.withdrawDelay },
  };
}

/** Different for each session key, provider and number; the same on every machine that has the keys. */
function channelSalt(session: string, peer: string, index: number): Hex {
  const text = `idlewatt channel ${session.toLowerCase()} ${peer} ${index}`;
  return `0x${createHash('sha256').update(text).digest('hex')}`;
}
