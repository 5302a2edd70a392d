/**
 * The wallet's part of the API: what pages may ask (prepare a spend, have it confirmed, read the history), and
 * what only the desktop shell or the owner's terminal may (confirm, and everything with a secret in it).
 */
import { oc } from '@orpc/contract';
import { z } from 'zod';
import { amountTextSchema, assetSchema } from '../money.ts';

const nothing = z.object({});
/** Texts of people: the core reads them strictly and says in a sentence what is wrong. */
const givenAddress = z.string().max(100);
const hashSchema = z.string().regex(/^0x[0-9a-f]{64}$/);
const passphraseSchema = z.string().min(1).max(1_000);

export const spendWarningSchema = z.enum([
  'contract', // the address is a contract: it may not be able to give the money back
  'own-address', // the address is this wallet's own
  'first-time', // nothing was ever sent there from this wallet: a small test first is wise
]);
export type SpendWarning = z.infer<typeof spendWarningSchema>;

/** A spend with every fact that it will have on the chain; holds until `expiresAtMs`. */
export const preparedSpendSchema = z.object({
  id: z.string(),
  asset: z.enum(['token', 'coin']),
  /** With the checksum of EIP-55. */
  to: z.string(),
  /** Base units of the asset. */
  amount: amountTextSchema,
  /** The most that the network may take, in base units of the coin; more is never paid. */
  fee: amountTextSchema,
  /** What leaves the wallet at most, in base units of the asset: with the fee for the coin, without it for the token. */
  total: amountTextSchema,
  warnings: z.array(spendWarningSchema),
  /** Only a small part is sent, to see that it arrives. */
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
  /** Paid, in base units of the coin; null until it is in a block. */
  fee: amountTextSchema.nullable(),
  /** The most that it may cost. */
  feeMax: amountTextSchema,
  nonce: z.number().int(),
  /** `failed`: in a block and reverted. `replaced`: another one of ours took its place. `dropped`: the network forgot it. */
  state: z.enum(['pending', 'mined', 'failed', 'replaced', 'dropped']),
  /** One plain sentence where it did not do what was asked; null otherwise. */
  reason: z.string().nullable(),
  /** Hash of the one that took its place. */
  replacedBy: z.string().nullable(),
  /** Takes an earlier one's place by doing nothing. */
  cancels: z.boolean(),
  sentAtMs: z.number(),
  minedAtMs: z.number().nullable(),
  blockNumber: z.number().int().nullable(),
});
export type WalletTransaction = z.infer<typeof walletTransactionSchema>;

/** What the owner is asked to confirm, in exact facts, outside of the pages. */
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
  /** Hash of the transaction whose place it takes. */
  replaces: z.string().nullable(),
  expiresAtMs: z.number(),
});
export type SpendSummary = z.infer<typeof spendSummarySchema>;

/** For pages and terminal. No procedure here takes or gives a secret; none moves money without a confirmation. */
export const walletContract = {
  refresh: oc.input(nothing).output(nothing),
  /**
   * Fails with `bad-request` (address, checksum, amount), `insufficient-funds`, `fee-too-high` (the message
   * names the figure), `chain-unavailable`, `chain-mismatch`, `unsupported` (watch-only).
   */
  prepareSend: oc
    .input(
      z.object({
        asset: z.enum(['token', 'coin']),
        to: givenAddress,
        /** Base units, or everything (of the coin: minus the fee). */
        amount: z.union([amountTextSchema, z.literal('all')]),
        smallTest: z.boolean().default(false),
      }),
    )
    .output(preparedSpendSchema),
  /**
   * Asks shell or terminal and waits for the answer; resolves with the transaction as it was handed to the
   * network. `not-permitted` when it was declined or nobody answered in time.
   */
  requestSend: oc.input(z.object({ id: z.string().max(100) })).output(walletTransactionSchema),
  /** The same nonce with a higher fee, after a confirmation as for a spend. */
  speedUp: oc.input(z.object({ hash: hashSchema })).output(walletTransactionSchema),
  /** The same nonce and nothing sent, after a confirmation as for a spend. */
  cancel: oc.input(z.object({ hash: hashSchema })).output(walletTransactionSchema),
  /** Newest first. */
  history: oc
    .input(z.object({ limit: z.number().int().min(1).max(500).default(100) }))
    .output(z.object({ transactions: z.array(walletTransactionSchema) })),
};

/** Shell and terminal only; part of `contract.shell`. Each secret is asked for anew and kept nowhere. */
export const walletShellContract = {
  /** Spends that wait for a confirmation now. */
  pendingSpends: oc
    .input(nothing)
    .output(z.object({ spends: z.array(z.object({ id: z.string(), summary: spendSummarySchema })) })),
  /** Fails with `not-found` when it expired or was answered already. */
  answerSpend: oc.input(z.object({ id: z.string().max(100), approved: z.boolean() })).output(nothing),
  /** The recovery words. `keystore-locked` for a wrong pass phrase, `unsupported` where there are none. */
  revealPhrase: oc
    .input(z.object({ passphrase: passphraseSchema }))
    .output(z.object({ words: z.array(z.string()) })),
  /** A keystore V3 JSON under a pass phrase of its own. */
  exportKeystore: oc
    .input(z.object({ passphrase: passphraseSchema, exportPassphrase: passphraseSchema }))
    .output(z.object({ keystore: z.string() })),
  /** Which words (counted from 1) are asked back. */
  startBackupDrill: oc
    .input(z.object({ passphrase: passphraseSchema }))
    .output(z.object({ id: z.string(), positions: z.array(z.number().int()) })),
  /** The words in the order of the positions; after a wrong answer a new drill is begun. */
  answerBackupDrill: oc
    .input(z.object({ id: z.string().max(100), words: z.array(z.string().max(20)).max(24) }))
    .output(z.object({ passed: z.boolean() })),
  /**
   * Puts another secret in the place of today's, whose key file is kept aside. Holds from the next start of
   * the agent. `bad-request` for a wrong checksum, `keystore-locked` for a wrong pass phrase of the file.
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
        /** Locks the key file on this machine. */
        passphrase: passphraseSchema,
      }),
    )
    .output(z.object({ address: z.string(), kind: z.enum(['phrase', 'key']) })),
  /** Where earnings go; null: to this wallet's own address. Holds from the next start of the agent. */
  setPayoutAddress: oc.input(z.object({ address: givenAddress.nullable() })).output(nothing),
};
