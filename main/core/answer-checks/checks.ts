/**
 * Repeats a sampled share of the bought answers where this machine has the model, when it is idle enough to work, and
 * keeps the standing of each provider. A provider can't see which answers are checked: they were bought like all others.
 */
import type { AnswerCheck } from '../../../shared/answer-check.ts';
import type { AppliedSampling } from '../../../shared/applied-sampling.ts';
import { type AskedCompletion, promptBytes } from '../../../shared/asked.ts';
import { isAppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import type { Clock } from '../../ports/clock.ts';
import type { GenerateRequest } from '../../ports/engine.ts';
import type { Log } from '../../ports/log.ts';
import type { HeldModel } from '../../ports/model-engines.ts';
import type { RecordStore } from '../../ports/store.ts';
import { type AnswerEvidence, weighAnswer } from './evidence.ts';
import { addAnswer, isAlarm, type Standing } from './standing.ts';
import { createStandings, type Standings } from './standings.ts';

/** A bought answer whose receipt was accepted. */
export interface ProvenAnswer {
  readonly jobId: string;
  readonly peer: string;
  /** The provider's ID of the job. */
  readonly soldJobId: string;
  /** The model file. */
  readonly sha256: string;
  readonly asked: AskedCompletion;
  /** The tokens that the receipt covers. */
  readonly tokens: readonly number[];
  /** As the receipt has it; null if it doesn't. */
  readonly sampling: AppliedSampling | null;
}

export interface AnswerChecksOptions {
  /** Holds the model with this file for a check; null if it isn't served here or can't compute now. */
  readonly hold: (sha256: string) => HeldModel | null;
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 to 1, exclusive. */
  readonly random: () => number;
  /** Called with each checked answer and the sums of its provider, those of this answer included. */
  readonly onChecked?: (answer: ProvenAnswer, check: AnswerCheck, standing: Standing) => void;
  /** Called with the last answer of a provider whose answers can hardly be honest. */
  readonly onAlarm: (answer: ProvenAnswer, check: AnswerCheck) => void;
}

export interface AnswerChecks {
  /** Takes an answer into the sample, or not. Never throws. */
  consider(answer: ProvenAnswer): void;
  standingOf(peer: string): Standing;
  /** Returns what a check of this job's answer showed; null if it wasn't checked, or if later ones have displaced it. */
  find(job: Pick<Job, 'id' | 'peer'>): AnswerCheck | null;
  /** Resolves when the check in progress has ended. */
  stop(): Promise<void>;
}

/**
 * Share of the answers that are checked. It makes cheating a loss for a provider that saves half of its fee by it and sells
 * at least 25 answers within the time for which it is left out; see {@link import('./audit-rate.ts').auditRate}. Reading
 * an answer costs about three quarters of generating it (docs/audit.md), so that checks take 1.5% of the compute that is
 * bought.
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
  const stopping = new AbortController();
  let waiting: readonly Waiting[] = [];
  let running: Promise<void> | null = null;
  const timer = clock.every(RETRY_MS, () => next());

  function next(): void {
    if (running !== null || stopping.signal.aborted) return;
    waiting = waiting.filter(({ sinceMs }) => clock.monotonic() - sinceMs < WAITING_MS_MAX);
    const [first] = waiting;
    if (first === undefined) return;
    const held = options.hold(first.answer.sha256);
    if (held === null) return;
    waiting = waiting.slice(1);
    running = check({ ...options, standings }, first.answer, held, stopping.signal)
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

  return {
    consider(answer) {
      if (!isRepeatable(answer) || random() >= CHECKED_SHARE) return;
      const bytes = promptBytes(answer.asked);
      const held = waiting.reduce((sum, each) => sum + each.bytes, 0);
      if (waiting.length >= WAITING_MAX || held + bytes > WAITING_BYTES_MAX) return;
      waiting = [...waiting, { answer, bytes, sinceMs: clock.monotonic() }];
      next();
    },
    standingOf: standings.of,
    find: ({ id, peer }) => standings.checked(peer).find(({ jobId }) => jobId === id) ?? null,
    async stop() {
      timer.cancel();
      stopping.abort();
      await running;
    },
  };
}

/** Several answers to one prompt have one receipt, which doesn't separate their tokens. */
function isRepeatable({ asked, tokens, sampling }: ProvenAnswer): boolean {
  if (sampling === null || sampling.method === 'other') return false;
  return tokens.length > 0 && asked.choices === 1;
}

interface CheckParts extends AnswerChecksOptions {
  readonly standings: Standings;
}

async function check(
  { standings, log, onChecked, onAlarm, clock }: CheckParts,
  answer: ProvenAnswer,
  held: HeldModel,
  signal: AbortSignal,
): Promise<void> {
  const evidence = await repeat(answer, held, signal);
  if (evidence === null) return;
  const { jobId, peer } = answer;
  const standing = addAnswer(standings.of(peer), evidence);
  const { tokens, differing, gapMean } = evidence;
  const { logEvidence: logStanding } = standing;
  const check = { atMs: clock.now(), tokens, differing, gapMean, logStanding, isAlarm: isAlarm(standing) };
  standings.add(peer, standing, { ...check, jobId, logEvidence: evidence.logEvidence });
  log.info('A bought answer was checked', { job: jobId, provider: peer, tokens, differing, gapMean });
  onChecked?.(answer, check, standing);
  if (!check.isAlarm) return;
  // After the penalty the provider begins again without this evidence.
  standings.reset(peer);
  onAlarm(answer, check);
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
    // Another version of the chat template or of the tokenizer reads another prompt: that is no proof of anything.
    if (event.type === 'start' && event.sampling?.promptHash !== sampling?.promptHash) return null;
    if (event.type === 'gaps') return weighAnswer(event.gaps);
  }
  return null;
}
