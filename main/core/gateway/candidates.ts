/** Lists the providers to try for a request, at their current prices; recently failed ones come last. */
import { describeDuration } from '../../../shared/clocks.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Offer, OfferedModel } from '../../../shared/offer.ts';
import { type AskedCompletion, textsOf } from '../../../shared/openai.ts';
import { inputTokensMax } from '../../../shared/price.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Directory } from '../network/index.ts';
import { type Candidate, rank } from './choice.ts';

/** Requirements of an answer that has begun on the provider that continues it. */
export interface Continuation {
  /** The job that ended too early. */
  readonly jobId: string;
  /** The model file that the answer so far is from. */
  readonly sha256: string;
  /** Peers to leave out. */
  readonly without: ReadonlySet<string>;
}

export interface CandidateOptions {
  readonly directory: Directory;
  readonly clock: Clock;
  readonly accepts: (offer: Offer, model: OfferedModel) => boolean;
}

export interface Candidates {
  /** Best first. Fails with `model-unavailable`, `no-provider` or `context-exceeded` if there is none. */
  list(asked: AskedCompletion, continuation: Continuation | null): Promise<readonly Candidate[]>;
  /** Moves the peer to the end of the list for a while. */
  noteFailure(peer: string): void;
  /**
   * Returns the candidate at its current price, since a voucher for the old price is too small after a rise; null if
   * it no longer sells the same file at terms that are accepted.
   */
  renew(candidate: Candidate): Promise<Candidate | null>;
}

/** A peer that failed is tried last for this long, but still before giving up. */
const RECENT_FAILURE_MS = 30_000;

export function createCandidates({ directory, clock, accepts }: CandidateOptions): Candidates {
  /** Monotonic. */
  const failedUntilMs = new Map<string, number>();

  function recentlyFailedLast(ranked: readonly Candidate[]): readonly Candidate[] {
    const nowMs = clock.monotonic();
    for (const [peer, untilMs] of failedUntilMs) if (untilMs <= nowMs) failedUntilMs.delete(peer);
    const recentlyFailed = ({ peer }: Candidate) => failedUntilMs.has(peer);
    return [...ranked.filter((each) => !recentlyFailed(each)), ...ranked.filter(recentlyFailed)];
  }

  return {
    async list(asked, continuation) {
      const wanted = {
        modelId: asked.model,
        sha256: continuation?.sha256 ?? null,
        inputTokens: inputTokensMax(textsOf(asked)),
        outputTokens: asked.maxTokens ?? 0,
      };
      const selling = await directory.find(asked.model, continuation?.without);
      if (selling.length === 0) throw clockError(directory.peersAheadMs()) ?? notOffered();
      const ranked = rank(selling, wanted, accepts);
      if (ranked.length > 0) return recentlyFailedLast(ranked);
      if (rank(selling, wanted, () => true).length > 0)
        throw new AppError('no-provider', 'No provider offers that model at terms that are accepted here.');
      throw new AppError('context-exceeded', 'The answer exceeds the context of the model.', {
        details: { param: 'max_tokens' },
      });
    },
    noteFailure: (peer) => void failedUntilMs.set(peer, clock.monotonic() + RECENT_FAILURE_MS),
    async renew({ peer, model: before }) {
      const offer = await directory.refresh(peer);
      const model = offer?.models.find(({ id }) => id === before.id);
      if (!offer || !model || model.sha256 !== before.sha256) return null;
      return accepts(offer, model) ? { peer, offer, model } : null;
    },
  };
}

/** The error for providers that can't be used because the clocks differ; null if they don't. */
function clockError(aheadMs: number | null): AppError | null {
  if (aheadMs === null || aheadMs === 0) return null;
  const side = aheadMs > 0 ? 'behind' : 'ahead of';
  return new AppError(
    'clock-wrong',
    `No provider offers that model right now. This machine’s clock is ${describeDuration(Math.abs(aheadMs))} ${side} the clocks of the providers found. Check date and time of this machine; until they are right, offers are rejected.`,
    { details: { aheadMs } },
  );
}

/** The error for a model that no provider sells. */
export function notOffered(): AppError {
  return new AppError('model-unavailable', 'No provider offers that model right now.', {
    details: { param: 'model' },
  });
}
