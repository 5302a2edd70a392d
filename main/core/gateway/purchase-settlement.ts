/** Pays for a response, checks the receipt, and records the purchase with what it cost. */
import type { OpinionSource } from '../../../shared/answer-check.ts';
import { type AskedCompletion, askedTokensMax, promptBytes } from '../../../shared/asked.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import type { Amount } from '../../../shared/money.ts';
import type { Receipt } from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import type { VerifySigned } from '../../ports/network.ts';
import type { PaymentLease } from '../../ports/payments.ts';
import type { Tokenizer } from '../../ports/tokenizer.ts';
import type { ProvenAnswer } from '../answer-checks/index.ts';
import type { Hold, HoldEnd } from '../budget/index.ts';
import type { ReportUnexpected } from '../openai-http/index.ts';
import { billFlaw, outputTokensMaxOf } from './bill-check.ts';
import { type BoughtJob, endState, errorOf } from './bought-job.ts';
import type { Candidate } from './choice.ts';
import { checkReceipt, receiptRefused } from './receipt-check.ts';
import type { ResponseSummary } from './response-reader.ts';
import type { TokenRates } from './token-rates.ts';

/** The request as agreed with the provider, with its payment and its job. */
export interface PurchaseTerms {
  readonly candidate: Candidate;
  readonly asked: AskedCompletion & { readonly maxTokens: number };
  /** The most that this request can cost; the lease covers it. */
  readonly costMax: Amount;
  readonly lease: PaymentLease;
  readonly job: BoughtJob;
  readonly hold: Hold;
  readonly opinionsFrom: OpinionSource;
}

export interface SettlementContext {
  readonly verifySigned: VerifySigned;
  readonly tokenizer: Tokenizer;
  readonly rates: TokenRates;
  readonly onBought: (job: Job, receipt: Receipt | null) => void;
  /** Called with each answer whose receipt was accepted. Must not throw. */
  readonly onProven?: (answer: ProvenAnswer) => void;
  /** `reason` is the failed check. */
  readonly onCheat: (peer: string, reason: string) => void;
  readonly onUnexpected: ReportUnexpected;
}

/**
 * Closes the job and returns how the purchase ended for the budget. `cause` is why the answer is incomplete. A charge
 * is accepted only after its receipt is checked.
 */
export async function settlePurchase(
  context: SettlementContext,
  terms: PurchaseTerms,
  summary: ResponseSummary,
  cause: AppError | undefined,
): Promise<HoldEnd> {
  const { lease, job, candidate } = terms;
  const { inputTokens, outputTokens, finishReason } = summary;
  const facts = { inputTokens, outputTokens, finishReason };
  if (summary.paymentResponse === null) {
    const missing = cause ?? new AppError('receipt-refused', 'The provider sent no payment response.');
    job.close(endState(missing), { ...facts, error: cause ? errorOf(cause) : missing.code });
    await abandonLease(context, terms, summary.hasEnded ? billMax(terms, summary) : null);
    return { kind: isAppError(missing, 'aborted', 'paused') ? 'stopped' : 'failed', charged: null };
  }
  try {
    const receipt = await check(context, terms, summary, lease.read(summary.paymentResponse).charged);
    const paid = await lease.complete(summary.paymentResponse);
    job.close(cause ? endState(cause) : 'charged', {
      ...facts,
      charged: paid.charged.toString(),
      cumulative: paid.cumulative.toString(),
      inputTokens: receipt.inputTokens,
      outputTokens: receipt.outputTokens,
      receipt: summary.receiptJws,
      error: cause ? errorOf(cause) : null,
    });
    context.onBought(job.job(), receipt);
    noteProven(context, terms, summary, receipt);
    compareRates(context, terms, summary, receipt);
    const { id: model, price } = candidate.model;
    return { kind: 'proven', charged: paid.charged, model, price };
  } catch (error) {
    if (!isAppError(error, 'receipt-refused', 'bad-request')) throw error;
    const reason = String(error.details.reason ?? 'payment-response');
    context.onCheat(candidate.peer, reason);
    await lease.dispute();
    job.close('failed', { ...facts, error: 'receipt-refused' }, reason);
    context.onBought(job.job(), null);
    // Rejected here, but the provider can still claim up to the voucher's amount.
    return { kind: 'failed', charged: null };
  }
}

/**
 * Ends a lease without a payment response; the job's charge is added when it is known. `chargeMax` is what the provider
 * may charge if it refused the request or ended the response itself; a higher charge is a false bill, although the
 * voucher covers it.
 */
export async function abandonLease(
  context: Pick<SettlementContext, 'onCheat' | 'onUnexpected'>,
  { lease, job, candidate, hold }: Pick<PurchaseTerms, 'lease' | 'job' | 'candidate' | 'hold'>,
  chargeMax: Amount | null,
): Promise<void> {
  await lease.abandon((charge) => {
    try {
      job.learnCharge(charge);
      const isEntitled = chargeMax === null || charge.charged <= chargeMax;
      hold.learned(charge.charged, isEntitled);
      if (!isEntitled) context.onCheat(candidate.peer, 'charge');
    } catch (error) {
      context.onUnexpected(error);
    }
  });
}

async function check(
  { verifySigned, tokenizer }: SettlementContext,
  { candidate, asked, costMax, lease }: PurchaseTerms,
  summary: ResponseSummary,
  charged: Amount,
): Promise<Receipt> {
  const { model, peer } = candidate;
  const expected = {
    peer,
    model,
    assetId: candidate.offer.asset.id,
    channelId: lease.channelId,
    ceiling: costMax,
    inputTokensMax: askedTokensMax(asked),
    outputTokensMax: asked.maxTokens * asked.choices,
    tokens: summary.tokens,
    asked,
    charged,
  };
  const receipt = await checkReceipt(summary.receiptJws ?? '', expected, verifySigned);
  const flaw = await billFlaw(receipt, { ...summary, asked, sha256: model.sha256 }, tokenizer);
  if (flaw !== null) throw receiptRefused(flaw, peer);
  return receipt;
}

/** Most that a provider may charge for what has arrived, if there is no receipt to compare it with. */
function billMax({ candidate, asked }: PurchaseTerms, summary: ResponseSummary): Amount {
  const limit = asked.maxTokens * asked.choices;
  const output = Math.min(outputTokensMaxOf(summary), summary.tokens?.length ?? limit);
  return charge(candidate.model.price, { input: askedTokensMax(asked), output });
}

function noteProven(
  { onProven }: SettlementContext,
  { candidate, asked, job, opinionsFrom }: PurchaseTerms,
  { tokens }: ResponseSummary,
  receipt: Receipt,
): void {
  const { peer, model } = candidate;
  const counted = tokens?.slice(0, receipt.outputTokens) ?? [];
  const { job: soldJobId, sampling = null, inputTokens } = receipt;
  const { sha256 } = model;
  onProven?.({
    ...{ jobId: job.job().id, peer, soldJobId, sha256, asked, inputTokens, tokens: counted, sampling },
    ...{ charged: BigInt(receipt.charged), opinionsFrom },
  });
}

/** A single response proves nothing here, so the charge stays accepted; the provider is left out. */
function compareRates(
  { rates, onCheat }: SettlementContext,
  { candidate, asked }: PurchaseTerms,
  { textBytes }: ResponseSummary,
  { inputTokens, outputTokens }: Receipt,
): void {
  const inputBytes = promptBytes(asked) * asked.choices;
  const sample = { inputTokens, inputBytes, outputTokens, outputBytes: textBytes };
  if (rates.add(candidate.peer, candidate.model.sha256, sample)) onCheat(candidate.peer, 'token-rate');
}
