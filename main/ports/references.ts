/** The channels on which a provider was paid, as it shows them and as they are on the chain. */
import type { Amount } from '../../shared/money.ts';

/** Channels that a provider shows at most. */
export const REFERENCES_MAX = 50;

/** A channel as the provider shows it. Anybody can compute its ID from these terms and look it up on the chain. */
export type ShownReference = Readonly<Record<string, unknown>>;

/** A channel that exists on the chain and pays this provider. */
export interface PaidReference {
  /** Lower case. */
  readonly channelId: string;
  /** Lower case. */
  readonly payer: string;
  /** Claimed over the channel's life, in base units. */
  readonly claimed: Amount;
}

/**
 * Returns the channels among `shown` that pay `payout` in the network's token, with the amounts claimed on them on the
 * chain. Fails with `bad-request` if `shown` isn't a list of channels, `chain-unavailable` or `chain-mismatch`.
 */
export type ReadReferences = (payout: string, shown: unknown) => Promise<readonly PaidReference[]>;
