/**
 * The wallet's part of the API. Pages may prepare a transfer, request its confirmation and read the history.
 * Only the desktop shell or the owner's terminal may confirm, or call anything that involves a secret.
 */
import { oc } from '@orpc/contract';
import { z } from 'zod';
import { amountTextSchema, assetSchema } from '../money.ts';

const nothing = z.object({});
/** Typed by the user: the core parses it strictly and returns an error message that names the mistake. */
const givenAddress = z.string().max(100);
const hashSchema = z.string().regex(/^0x[0-9a-f]{64}$/);
const passphraseSchema = z.string().min(1).max(1_000);

export const spendWarningSchema = z.enum([
  'contract', // the address is a contract and may not be able to return the money
  'own-address', // the address is this wallet's own
  'first-time', // this wallet has never sent to the address, so a small test first is wise
]);
export type SpendWarning = z.infer<typeof spendWarningSchema>;

/** A transfer with every fact that it will have on the chain; valid until `expiresAtMs`. */
export const preparedSpendSchema = z.object({
  id: z.string(),
  asset: z.enum(['token', 'coin']),
  /** With the checksum of EIP-55. */
  to: z.string(),
  /** Base units of the asset. */
  amount: amountTextSchema,
  /** Maximum network fee in base units of the coin; more is never paid. */
  fee: amountTextSchema,
  /** Maximum that leaves the wallet, in base units of the asset: including the fee for the coin, without it for the token. */
  total: amountTextSchema,
  warnings: z.array(spendWarningSchema),
  /** Sends only a small part, to check that it arrives. */
  smallTest: z.boolean(),
  expiresAtMs: z.number(),
});
export type PreparedSpend = z.infer<typeof preparedSpendSchema>;

export const walletTransactionSchema = z.object({
  hash: z.string(),
  asset: z.enum(['token', 'coin']),
  from: z.string(),
  to: z.string(),
  /** Base units of the asset; zero for a cancellation. */
  amount: amountTextSchema,
  /** Fee paid, in base units of the coin; null until the transaction is in a block. */
  fee: amountTextSchema.nullable(),
  /** Maximum fee. */
  feeMax: amountTextSchema,
  nonce: z.number().int(),
  /** `failed`: reverted in a block. `replaced`: replaced by another of our transactions. `dropped`: the network dropped it. */
  state: z.enum(['pending', 'mined', 'failed', 'replaced', 'dropped']),
  /** One sentence that explains why it had no effect; null otherwise. */
  reason: z.string().nullable(),
  /** Hash of the transaction that replaced it. */
  replacedBy: z.string().nullable(),
  /** True if it cancels an earlier transaction by replacing it with an empty one. */
  cancels: z.boolean(),
  sentAtMs: z.number(),
  minedAtMs: z.number().nullable(),
  blockNumber: z.number().int().nullable(),
});
export type WalletTransaction = z.infer<typeof walletTransactionSchema>;

/** Exact facts of a transaction that the owner confirms outside the pages. */
export const spendSummarySchema = z.object({
  action: z.enum(['send', 'speed-up', 'cancel']),
  networkName: z.string(),
  asset: assetSchema,
  coin: assetSchema,
  from: z.string(),
  to: z.string(),
  amount: amountTextSchema,
  fee: amountTextSchema,
  total: amountTextSchema,
  warnings: z.array(spendWarningSchema),
  smallTest: z.boolean(),
  /** Hash of the transaction that it replaces. */
  replaces: z.string().nullable(),
  /** The customer of the storefront whose balance it pays out, by its ID in the ledger and the owner's name for it. */
  payout: z.object({ customerId: z.string(), name: z.string().nullable() }).nullable(),
  expiresAtMs: z.number(),
});
export type SpendSummary = z.infer<typeof spendSummarySchema>;

/** For pages and the terminal. No call takes or returns a secret, and none moves money without a confirmation. */
export const walletContract = {
  refresh: oc.input(nothing).output(nothing),
  /**
   * Fails with `bad-request` (address, checksum, amount), `insufficient-funds`, `fee-too-high` (the message
   * contains the amount), `chain-unavailable`, `chain-mismatch`, `unsupported` (watch-only).
   */
  prepareSend: oc
    .input(
      z.object({
        asset: z.enum(['token', 'coin']),
        to: givenAddress,
        /** Base units, or the whole balance (for the coin: minus the fee). */
        amount: z.union([amountTextSchema, z.literal('all')]),
        smallTest: z.boolean().default(false),
      }),
    )
    .output(preparedSpendSchema),
  /**
   * Requests the confirmation from the shell or terminal and waits for it. Resolves with the transaction once it
   * was submitted to the network. Fails with `not-permitted` if it was declined or not answered in time.
   */
  requestSend: oc.input(z.object({ id: z.string().max(100) })).output(walletTransactionSchema),
  /** Replaces the transaction with the same one at a higher fee (same nonce). Needs a confirmation as for a transfer. */
  speedUp: oc.input(z.object({ hash: hashSchema })).output(walletTransactionSchema),
  /** Replaces the transaction with one that sends nothing (same nonce). Needs a confirmation as for a transfer. */
  cancel: oc.input(z.object({ hash: hashSchema })).output(walletTransactionSchema),
  /** Newest first. */
  history: oc
    .input(z.object({ limit: z.number().int().min(1).max(500).default(100) }))
    .output(z.object({ transactions: z.array(walletTransactionSchema) })),
};

/** Shell and terminal only; part of `contract.shell`. Each secret is requested every time and stored nowhere. */
export const walletShellContract = {
  /** Transfers that are waiting for a confirmation. */
  pendingSpends: oc
    .input(nothing)
    .output(z.object({ spends: z.array(z.object({ id: z.string(), summary: spendSummarySchema })) })),
  /** Fails with `not-found` if it expired or was already answered. */
  answerSpend: oc.input(z.object({ id: z.string().max(100), approved: z.boolean() })).output(nothing),
  /** The recovery phrase. Fails with `keystore-locked` for a wrong passphrase, `unsupported` if there is no phrase. */
  revealPhrase: oc
    .input(z.object({ passphrase: passphraseSchema }))
    .output(z.object({ words: z.array(z.string()) })),
  /** A keystore file (V3 JSON), encrypted with its own passphrase. */
  exportKeystore: oc
    .input(z.object({ passphrase: passphraseSchema, exportPassphrase: passphraseSchema }))
    .output(z.object({ keystore: z.string() })),
  /** Positions (from 1) of the words to enter. */
  startBackupDrill: oc
    .input(z.object({ passphrase: passphraseSchema }))
    .output(z.object({ id: z.string(), positions: z.array(z.number().int()) })),
  /** Takes the words in the order of the positions. After a wrong answer, start a new drill. */
  answerBackupDrill: oc
    .input(z.object({ id: z.string().max(100), words: z.array(z.string().max(20)).max(24) }))
    .output(z.object({ passed: z.boolean() })),
  /**
   * Replaces the current secret and keeps its keystore file. Takes effect at the next start of the agent.
   * Fails with `bad-request` for a wrong checksum, `keystore-locked` for a wrong passphrase of the file.
   */
  importWallet: oc
    .input(
      z.object({
        source: z.discriminatedUnion('type', [
          z.object({ type: z.literal('phrase'), phrase: z.string().max(400) }),
          z.object({
            type: z.literal('keystore'),
            keystore: z.string().max(20_000),
            passphrase: passphraseSchema,
          }),
          z.object({ type: z.literal('key'), key: z.string().max(100) }),
        ]),
        /** Encrypts the keystore file on this machine. */
        passphrase: passphraseSchema,
      }),
    )
    .output(z.object({ address: z.string(), kind: z.enum(['phrase', 'key']) })),
  /** Sets the address for payouts; null is this wallet's own address. Takes effect at the next start of the agent. */
  setPayoutAddress: oc.input(z.object({ address: givenAddress.nullable() })).output(nothing),
};
