/**
 * Repeats a sampled share of the bought answers where this machine has the model, when it is idle enough to work, compares
 * others with those of other providers, and keeps the standing of each provider. A provider can't see which answers are
 * checked: they were bought like all others.
 */
import type { AnswerCheck, OpinionSource } from '../../../shared/answer-check.ts';
import { promptBytes } from '../../../shared/asked.ts';
import { isAppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import type { Clock } from '../../ports/clock.ts';
import type { GenerateRequest } from '../../ports/engine.ts';
import type { Log } from '../../ports/log.ts';
import type { HeldModel } from '../../ports/model-engines.ts';
import type { RecordStore } from '../../ports/store.ts';
import { createAllowance } from './allowance.ts';
import { type AnswerEvidence, weighAnswer } from './evidence.ts';
import { createNoting, type NotingParts } from './noting.ts';
import { hasSameInput, isRepeatable, type ProvenAnswer } from './proven-answer.ts';
import { type BuyOpinion, createSecondOpinions } from './second-opinions.ts';
import type { Standing } from './standing.ts';
import { createStandings } from './standings.ts';

export interface AnswerChecksOptions extends Pick<NotingParts, 'onChecked' | 'onAlarm'> {
  /** True if this machine has the model with this file for its own work, so that it can repeat answers. */
  readonly serves: (sha256: string) => boolean;
  /** Holds the model with this file for a check; null if it isn't served here or can't compute now. */
  readonly hold: (sha256: string) => HeldModel | null;
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 to 1, exclusive. */
  readonly random: () => number;
  /** Buys opinions on answers of models that this machine doesn't have; null: they aren't checked. */
  readonly buyOpinion: BuyOpinion | null;
  /** See {@link import('./second-opinions.ts').SecondOpinionsOptions.opinionsFrom}. */
  readonly opinionsFrom: () => OpinionSource;
  /** See {@link import('./second-opinions.ts').SecondOpinionsOptions.isKnown}. */
  readonly isKnown: (peer: string) => boolean;
  /** See {@link import('./second-opinions.ts').SecondOpinionsOptions.onDoubt}. */
  readonly onDoubt: (peer: string) => void;
}

export interface AnswerChecks {
  /** Takes an answer into the sample, or not. Never throws. */
  consider(answer: ProvenAnswer): void;
  /** By the answers that were repeated here. */
  standingOf(peer: string): Standing;
  /** Returns what a check of this job's answer showed; null if it wasn't checked, or if later ones have displaced it. */
  find(job: Pick<Job, 'id' | 'peer'>): AnswerCheck | null;
  /** Resolves when the check in progress has ended. */
  stop(): Promise<void>;
}

/**
 * Share of the answers that are checked, and part of what is paid for other answers that second opinions may cost. It makes
 * cheating a loss for a provider that saves half of its fee by it and sells at least 25 answers within the time for which it
 * is left out; see {@link import('./audit-rate.ts').auditRate}. Reading an answer costs no more than generating it
 * (docs/audit.md), so that checks take at most 2% of the compute that is bought.
 */
export const CHECKED_SHARE = 0.02;
/** Answers that wait for a check, and the bytes of their prompts; further ones are not checked. */
const WAITING_MAX = 16;
const WAITING_BYTES_MAX = 1024 * 1024;
/** Between two attempts to check while this machine isn't free. */
const RETRY_MS = 10_000;
/** An answer that couldn't be checked by then isn't checked. */
const WAITING_MS_MAX = 3_600_000;

interface Waiting {
  readonly answer: ProvenAnswer;
  readonly bytes: number;
  readonly sinceMs: number;
}

export function createAnswerChecks(options: AnswerChecksOptions): AnswerChecks {
  const { clock, log, random } = options;
  const standings = createStandings(options.records);
  const compared = createStandings(options.records, 'second-opinions');
  const note = createNoting({ ...options, standings, hasGaps: true });
  const { buyOpinion } = options;
  const opinions =
    buyOpinion &&
    createSecondOpinions({
      ...{ ...options, buyOpinion, standings: compared },
      allowance: createAllowance({ records: options.records, log, share: CHECKED_SHARE }),
    });
  const stopping = new AbortController();
  let waiting: readonly Waiting[] = [];
  let running: Promise<unknown> | null = null;
  const timer = clock.every(RETRY_MS, () => next());

  function next(): void {
    if (running !== null || stopping.signal.aborted) return;
    waiting = waiting.filter(({ sinceMs }) => clock.monotonic() - sinceMs < WAITING_MS_MAX);
    const [first] = waiting;
    if (first === undefined) return;
    const held = options.hold(first.answer.sha256);
    if (held === null) return;
    waiting = waiting.slice(1);
    running = repeat(first.answer, held, stopping.signal)
      .then((evidence) => evidence && note(first.answer, evidence))
      .catch((error: unknown) => {
        if (isAppError(error)) log.info('A bought answer could not be checked', { code: error.code });
        else log.error('A check of a bought answer failed', error);
      })
      .finally(() => {
        held.release();
        running = null;
        next();
      });
  }

  function sample(answer: ProvenAnswer): void {
    if (!isRepeatable(answer) || random() >= CHECKED_SHARE) return;
    const bytes = promptBytes(answer.asked);
    const held = waiting.reduce((sum, each) => sum + each.bytes, 0);
    if (waiting.length >= WAITING_MAX || held + bytes > WAITING_BYTES_MAX) return;
    waiting = [...waiting, { answer, bytes, sinceMs: clock.monotonic() }];
    next();
  }

  return {
    consider(answer) {
      try {
        if (options.serves(answer.sha256)) sample(answer);
        else opinions?.consider(answer);
      } catch (error) {
        // The answer is being paid, which a check must not prevent.
        log.error('A bought answer could not be considered for a check', error);
      }
    },
    standingOf: standings.of,
    find: ({ id, peer }) =>
      [...standings.checked(peer), ...compared.checked(peer)].find(({ jobId }) => jobId === id) ?? null,
    async stop() {
      timer.cancel();
      stopping.abort();
      await Promise.all([running, opinions?.stop()]);
    },
  };
}

/** Returns null if the check was stopped, for example because the owner returned. */
async function repeat(
  { asked, tokens, sampling }: ProvenAnswer,
  held: HeldModel,
  signal: AbortSignal,
): Promise<AnswerEvidence | null> {
  const { prompt, temperature, topP, sampling: settings, json, topLogprobs } = asked;
  const request: GenerateRequest = {
    ...{ prompt, temperature, topP, json, topLogprobs, stop: [], maxTokens: 0 },
    ...{ seed: sampling?.seed ?? null, sampling: settings, claimedTokens: tokens, isPatient: true },
  };
  for await (const event of held.generate(request, signal)) {
    if (event.type === 'start' && !hasSameInput(event.sampling, sampling)) return null;
    if (event.type === 'gaps') return weighAnswer(event.gaps);
  }
  return null;
}
