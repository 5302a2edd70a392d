/** Pays for a response, checks the receipt, and records the purchase with what it cost. */
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import type { Amount } from '../../../shared/money.ts';
import type { Receipt } from '../../../shared/offer.ts';
import { type AskedCompletion, textsOf } from '../../../shared/openai.ts';
import { inputTokensMax } from '../../../shared/price.ts';
import type { VerifySigned } from '../../ports/network.ts';
import type { PaymentLease } from '../../ports/payments.ts';
import type { HoldEnd } from '../budget/index.ts';
import { type BoughtJob, endState, errorOf } from './bought-job.ts';
import type { Candidate } from './choice.ts';
import { checkReceipt } from './receipt-check.ts';
import type { ResponseSummary } from './response-reader.ts';

/** The request as agreed with the provider, with its payment and its job. */
export interface PurchaseTerms {
  readonly candidate: Candidate;
  readonly asked: AskedCompletion & { readonly maxTokens: number };
  /** The most that this request can cost; the lease covers it. */
  readonly costMax: Amount;
  readonly lease: PaymentLease;
  readonly job: BoughtJob;
}

export interface SettlementContext {
  readonly verifySigned: VerifySigned;
  readonly onBought: (job: Job, receipt: Receipt | null) => void;
  readonly onCheat: (peer: string) => void;
}

/** Closes the job and returns how the purchase ended for the budget. `cause` is why the answer is incomplete. */
export async function settlePurchase(
  context: SettlementContext,
  terms: PurchaseTerms,
  summary: ResponseSummary,
  cause: AppError | undefined,
): Promise<HoldEnd> {
  const { lease, job } = terms;
  const { inputTokens, outputTokens, finishReason } = summary;
  const facts = { inputTokens, outputTokens, finishReason };
  if (summary.paymentResponse === null) {
    await lease.abandon();
    const missing = cause ?? new AppError('receipt-refused', 'The provider sent no payment response.');
    job.close(endState(missing), { ...facts, error: cause ? errorOf(cause) : missing.code });
    return isAppError(missing, 'aborted', 'paused')
      ? { kind: 'stopped', charged: null }
      : { kind: 'failed', charged: null };
  }
  const paid = await lease.complete(summary.paymentResponse);
  const money = { charged: paid.charged.toString(), cumulative: paid.cumulative.toString() };
  try {
    const receipt = await check(context, terms, summary, paid.charged);
    job.close(cause ? endState(cause) : 'charged', {
      ...facts,
      ...money,
      inputTokens: receipt.inputTokens,
      outputTokens: receipt.outputTokens,
      receipt: summary.receiptJws,
      error: cause ? errorOf(cause) : null,
    });
    context.onBought(job.job(), receipt);
    const { id: model, price } = terms.candidate.model;
    return { kind: 'proven', charged: paid.charged, model, price };
  } catch (error) {
    if (!isAppError(error, 'receipt-refused')) throw error;
    context.onCheat(terms.candidate.peer);
    job.close('failed', { ...facts, ...money, error: error.code }, String(error.details.reason));
    context.onBought(job.job(), null);
    return { kind: 'failed', charged: paid.charged };
  }
}

function check(
  { verifySigned }: SettlementContext,
  { candidate, asked, costMax, lease }: PurchaseTerms,
  { receiptJws, tokens }: ResponseSummary,
  charged: Amount,
): Promise<Receipt> {
  const expected = {
    peer: candidate.peer,
    model: candidate.model,
    assetId: candidate.offer.asset.id,
    channelId: lease.channelId,
    ceiling: costMax,
    inputTokensMax: inputTokensMax(textsOf(asked)),
    outputTokensMax: asked.maxTokens,
    tokens,
    charged,
  };
  return checkReceipt(receiptJws ?? '', expected, verifySigned);
}
