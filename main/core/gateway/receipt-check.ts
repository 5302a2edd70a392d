/** Checks a provider's receipt against the request, the response and the agreed price. */
import { createHash } from 'node:crypto';
import { type AppliedSampling, TOP_K_DEFAULT } from '../../../shared/applied-sampling.ts';
import type { AskedCompletion } from '../../../shared/asked.ts';
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Amount } from '../../../shared/money.ts';
import { type OfferedModel, type Receipt, receiptSchema, tokenBytes } from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import type { VerifySigned } from '../../ports/network.ts';

/** The facts on the buyer's side that a receipt has to match. */
export interface Expected {
  readonly peer: string;
  readonly model: OfferedModel;
  readonly assetId: string;
  readonly channelId: string;
  readonly ceiling: Amount;
  readonly inputTokensMax: number;
  readonly outputTokensMax: number;
  /** The sampling that was asked for. */
  readonly asked: Pick<AskedCompletion, 'temperature' | 'topP' | 'seed' | 'sampling'>;
  /** The token IDs that arrived; null if the provider doesn't send them. */
  readonly tokens: readonly number[] | null;
  /** The charge of the channel by the payment protocol. */
  readonly charged: Amount;
}

/** Returns the receipt after every check. Fails with `receipt-refused`; `details.reason` is the failed check. */
export async function checkReceipt(
  jws: string,
  expected: Expected,
  verifySigned: VerifySigned,
): Promise<Receipt> {
  const result = checkShape(
    receiptSchema,
    await verifySigned(jws, expected.peer).catch((cause: unknown) => {
      throw receiptRefused('signature', expected.peer, cause);
    }),
  );
  if (!result.success) throw receiptRefused('malformed', expected.peer);
  const reason = flaw(result.data, expected);
  if (reason !== null) throw receiptRefused(reason, expected.peer);
  return result.data;
}

function flaw(receipt: Receipt, expected: Expected): string | null {
  const { model, tokens } = expected;
  const charged = BigInt(receipt.charged);
  if (receipt.peer !== expected.peer) return 'another-peer';
  if (receipt.modelSha256 !== model.sha256) return 'another-model';
  if (receipt.assetId !== expected.assetId) return 'another-asset';
  if (receipt.channelId !== expected.channelId) return 'another-channel';
  if (receipt.inputTokens > expected.inputTokensMax) return 'input-tokens';
  if ((receipt.cachedTokens ?? 0) > receipt.inputTokens) return 'cached-tokens';
  if (receipt.outputTokens > expected.outputTokensMax) return 'output-tokens';
  if (tokens !== null && receipt.outputTokens > tokens.length) return 'output-tokens';
  // After a broken connection a provider counts only the tokens that were taken: fewer than arrived, never others.
  if (tokens !== null && receipt.tokenHash !== hashTokens(tokens.slice(0, receipt.outputTokens)))
    return 'token-hash';
  if (receipt.sampling !== undefined && !isAsAsked(receipt.sampling, expected.asked)) return 'sampling';
  const { inputTokens: input, cachedTokens: cached = 0, outputTokens: output } = receipt;
  if (charged < 0n || charged > charge(model.price, { input, cached, output })) return 'charge';
  if (charged > expected.ceiling) return 'ceiling';
  if (charged !== expected.charged) return 'payment-response';
  return null;
}

function isAsAsked(
  applied: AppliedSampling,
  { temperature, topP, seed, sampling }: Expected['asked'],
): boolean {
  const { topK = TOP_K_DEFAULT, minP = 0 } = sampling;
  const asked = { temperature, topP, topK, minP };
  const isSame = Object.entries(asked).every(
    ([name, value]) => applied[name as keyof typeof asked] === value,
  );
  return isSame && (seed === null || applied.seed === seed);
}

/** See `tokenHash` of the receipt. */
export function hashTokens(tokens: readonly number[]): string {
  return createHash('sha256').update(tokenBytes(tokens)).digest('hex');
}

/** Error for a receipt that failed the check `reason`. */
export function receiptRefused(reason: string, peer: string, cause?: unknown): AppError {
  return new AppError('receipt-refused', `The provider’s receipt failed verification (${reason}).`, {
    cause,
    details: { reason, peer },
  });
}
