/**
 * One job of the Horde, from its prompt to the kudos. Its ID is stored before anything else happens, so that the server gets
 * an end of it even after a crash; the kudos are recorded in the step that ends it.
 */
import { forceUnwrap } from '../../../shared/assert.ts';
import { isAppError } from '../../../shared/errors.ts';
import { hordePeer, kudosAsset, kudosUnits } from '../../../shared/horde.ts';
import type { Job } from '../../../shared/jobs.ts';
import { type Amount, amount } from '../../../shared/money.ts';
import type { Clock } from '../../ports/clock.ts';
import type { HordeFailure, HordeJob, HordeResult, HordeServer } from '../../ports/horde.ts';
import type { JobStore } from '../../ports/jobs.ts';
import type { Log } from '../../ports/log.ts';
import { type JobRecord, recordJob } from '../jobs/index.ts';
import type { Ledger } from '../ledger/index.ts';
import type { OtherJobs } from '../provider/index.ts';
import type { Drops } from './drops.ts';
import { generateAnswer, type HordeProgress } from './generate.ts';
import type { HordeLimits } from './limits.ts';
import type { OpenJobs } from './open-jobs.ts';
import { pause } from './pause.ts';

export interface HordeJobContext {
  readonly server: HordeServer;
  readonly url: string;
  readonly other: OtherJobs;
  readonly jobs: JobStore;
  readonly ledger: Pick<Ledger, 'kudosReceived'>;
  /** All or nothing over jobs, ledger and open jobs. */
  readonly transaction: <T>(run: () => T) => T;
  readonly open: OpenJobs;
  readonly drops: Drops;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 to 1, exclusive. */
  readonly random: () => number;
  /** Aborts when the agent stops. */
  readonly stopping: AbortSignal;
}

/** A job that this machine can end in its time. */
export interface TakenJob {
  readonly job: HordeJob;
  /** ID of the model here. */
  readonly model: string;
  readonly limits: HordeLimits;
}

/** Of the job's time: after it, another worker gets the job. */
const DEADLINE_SHARE = 0.9;
const SUBMIT_DELAYS_MS = [1_000, 3_000, 9_000];
const RETRY_AFTER_MS_MAX = 30_000;
const SEED_MAX = 2 ** 31;

/** Failures after which the same call may succeed. */
function isPassing({ cause }: HordeFailure): boolean {
  return cause === 'unreachable' || cause === 'limited';
}

/** Answers the job, or drops it. Returns the failure to deliver it, if there was one. */
export async function answerHordeJob(
  context: HordeJobContext,
  taken: TakenJob,
): Promise<HordeFailure | null> {
  const { job, model } = taken;
  const { clock, jobs, open, url } = context;
  const peer = hordePeer(url);
  open.add({ id: job.id, peer, atMs: clock.now() });
  if (!context.other.isFree(model)) return dropHordeJob(context, job.id);
  const assetId = kudosAsset(peer).id;
  const known = { model, peer, payer: null, channelId: null, assetId, continues: null, apiKey: null };
  const record = recordJob({ clock, jobs }, { side: 'sold', ...known });
  const seed = Math.floor(context.random() * SEED_MAX);
  const text = await work(context, taken, record, seed);
  if (text === null) return dropHordeJob(context, job.id);
  // After a crash from here on, the job is known to have been delivered, perhaps.
  await jobs.durable();
  const answer = await submit(context, job.id, { state: 'ok', text, seed });
  return conclude(context, { id: job.id, record, assetId }, answer);
}

/** Tells the server that the job isn't answered, so that another worker gets it now. */
export async function dropHordeJob(context: HordeJobContext, id: string): Promise<HordeFailure | null> {
  context.drops.note();
  context.log.info('A job of the AI Horde was not answered', { dropped: context.drops.count() });
  const answer = await submit(context, id, { state: 'faulted' });
  if (answer.kind === 'failed' && isPassing(answer)) return answer;
  context.open.remove(id);
  return null;
}

/**
 * Ends the jobs that a crash, or a server that was out of reach, left open: they are not answered. Returns the failure to
 * tell the server.
 */
export async function endOpenJobs(context: HordeJobContext): Promise<HordeFailure | null> {
  const { open, server, stopping, log } = context;
  for (const { id } of open.of(hordePeer(context.url))) {
    const answer = await server.submit(id, { state: 'faulted' }, stopping);
    if (answer.kind === 'failed' && isPassing(answer)) return answer;
    open.remove(id);
    if (answer.kind === 'failed' && answer.cause === 'duplicate') {
      log.warn('A job of the AI Horde was answered before an unexpected stop; its kudos are not known here');
    }
  }
  return null;
}

/** Resolves to the answer; null if there is none. The job is recorded, and its place is free, when it resolves. */
async function work(
  context: HordeJobContext,
  { job, model, limits }: TakenJob,
  record: JobRecord,
  seed: number,
): Promise<string | null> {
  const { clock, jobs, log } = context;
  const abort = new AbortController();
  const deadline = clock.after(job.ttlMs * DEADLINE_SHARE, () => abort.abort('late'));
  const progress: HordeProgress = {
    ...{ inputTokens: null, outputTokens: 0, firstTokenAtMs: null, decodeTokensPerSecond: null },
  };
  const { id, peer, createdAtMs } = record.job();
  const shown = {
    ...{ id, peer, model, startedAtMs: createdAtMs, chargeSoFar: () => null },
    outputTokens: () => progress.outputTokens,
    inputTokens: () => progress.inputTokens,
    tokensPerSecond: () => progress.decodeTokensPerSecond,
  };
  const begun = context.other.begin({ job: shown, maxTokens: job.answerTokens, abort });
  const place = forceUnwrap('a free slot can be taken in the same turn', begun);
  const facts = (finishReason: string): Partial<Job> => ({
    ...progress,
    finishReason,
    endedAtMs: clock.now(),
  });
  try {
    record.step('running', { startedAtMs: clock.now() });
    const text = await generateAnswer({
      ...{ generate: place.generate, job, limits, seed, progress, nowMs: () => clock.now() },
      onProgress: place.progressed,
      signal: AbortSignal.any([abort.signal, context.stopping]),
    });
    if (text === null)
      record.step('aborted', facts('aborted'), abort.signal.reason === 'late' ? 'too slow' : 'by owner');
    else record.step('delivered', facts('stop'));
    return text;
  } catch (error) {
    if (!isAppError(error)) log.error('A job of the AI Horde failed unexpectedly', error);
    const code = isAppError(error) ? error.code : 'engine-failed';
    try {
      record.step('failed', { ...facts('failed'), error: code }, code);
    } catch (second) {
      if (!isAppError(second)) log.error('The end of a job of the AI Horde could not be recorded', second);
      jobs.leave(id);
    }
    return null;
  } finally {
    deadline.cancel();
    place.leave();
  }
}

type Submitted = Awaited<ReturnType<HordeServer['submit']>>;

/** Sends the result until the server has it, or refuses it, or doesn't answer several times. */
async function submit(context: HordeJobContext, id: string, result: HordeResult): Promise<Submitted> {
  const { server, clock, stopping } = context;
  for (const delayMs of SUBMIT_DELAYS_MS) {
    const answer = await server.submit(id, result, NEVER);
    if (answer.kind === 'taken' || !isPassing(answer) || stopping.aborted) return answer;
    await pause(clock, Math.min(RETRY_AFTER_MS_MAX, answer.retryAfterMs ?? delayMs), stopping);
  }
  return server.submit(id, result, NEVER);
}

/** The server has a deadline of its own; an answer that was sent shouldn't be cut off. */
const NEVER = new AbortController().signal;

function conclude(
  context: HordeJobContext,
  { id, record, assetId }: { readonly id: string; readonly record: JobRecord; readonly assetId: string },
  answer: Submitted,
): HordeFailure | null {
  const { open, transaction, drops, log } = context;
  const end = (state: 'charged' | 'failed', note: string, patch: Partial<Job> = {}, kudos = 0n as Amount) =>
    transaction(() => {
      const { id: jobId, model, peer } = record.job();
      context.ledger.kudosReceived({ job: { id: jobId, model, peer }, assetId, amount: kudos });
      record.step(state, patch, note);
      open.remove(id);
    });
  if (answer.kind === 'taken') {
    const kudos = amount(kudosUnits(answer.reward));
    end('charged', `${answer.reward} kudos`, {}, kudos);
    log.info('A job of the AI Horde was answered', { kudos: answer.reward });
    return null;
  }
  // Both are answers to a result that the server has.
  if (answer.cause === 'duplicate' || answer.cause === 'malformed') {
    end('charged', 'The kudos are not known');
    return answer.cause === 'malformed' ? answer : null;
  }
  drops.note();
  if (isPassing(answer)) {
    // It stays open: the server may have it, or still wait for it.
    record.step('failed', { error: 'peer-unreachable' }, 'The answer could not be delivered');
    return answer;
  }
  end('failed', answer.cause, { error: answer.cause === 'gone' ? 'aborted' : 'not-accepted' });
  return answer.cause === 'gone' ? null : answer;
}
