/**
 * Lets jobs of another network run among the sold ones: where no job comes first that the owner prefers, in the list of jobs in progress,
 * and ended with them when the owner needs the machine.
 */
import { isAppError } from '../../../shared/errors.ts';
import type { HeldModel, ModelEngines } from '../../ports/model-engines.ts';
import type { ActiveJobs, RunningJob } from './active-jobs.ts';
import type { Admission } from './admission.ts';
import { slotsOf } from './pauses.ts';

/** Slots of a model with several that stay free for jobs that the owner prefers. */
const RESERVED_SLOTS = 1;

export interface OtherJob {
  readonly job: RunningJob;
  readonly maxTokens: number;
  /** Aborted with the reason `owner` when the owner needs the machine. */
  readonly abort: AbortController;
}

/** Place of a job that runs. */
export interface OtherPlace {
  readonly generate: HeldModel['generate'];
  /** Call it when there are new tokens. */
  progressed(): void;
  /** Call it when the job is recorded as ended. */
  leave(): void;
}

export interface OtherJobs {
  /** Returns whether a job of this model may begin now. */
  isFree(modelId: string): boolean;
  /**
   * Returns the longest time until a job that begins now has a slot, in milliseconds: 0 if one is free, null if none may
   * begin. Jobs in progress whose speed isn't known yet count with this one, in tokens per second.
   */
  waitMs(modelId: string, decodeTokensPerSecond: number): number | null;
  /** Begins a job; null if none may begin now. */
  begin(job: OtherJob): OtherPlace | null;
}

export function createOtherJobs(parts: {
  readonly engines: ModelEngines;
  readonly admission: Pick<Admission, 'enter' | 'taken'>;
  readonly active: Pick<ActiveJobs, 'add' | 'changed' | 'list'>;
  /** Rank of such a job now. */
  readonly rank: () => number;
  /** Requests of a model that may wait for a slot. */
  readonly waitingMax: number;
  /** Fails if this machine takes no jobs now. */
  readonly check: () => void;
}): OtherJobs {
  const { engines, admission, active } = parts;

  /** 0 if no job may begin. */
  function freeSlots(modelId: string): number {
    try {
      parts.check();
      const slots = slotsOf(engines.availability(modelId));
      const rank = parts.rank();
      const reserved = rank > 0 && slots > 1 ? RESERVED_SLOTS : 0;
      const isNext = admission.taken(modelId, rank) + reserved < slots;
      return isNext && admission.taken(modelId) < slots + parts.waitingMax ? slots : 0;
    } catch (error) {
      if (isAppError(error)) return 0;
      throw error;
    }
  }

  return {
    isFree: (modelId) => freeSlots(modelId) > 0,
    waitMs(modelId, decodeTokensPerSecond) {
      const slots = freeSlots(modelId);
      if (slots === 0) return null;
      if (admission.taken(modelId) < slots) return 0;
      const leftMs = active
        .list()
        // The engine has begun it.
        .filter(({ model, inputTokens }) => model === modelId && inputTokens !== null)
        .map(({ maxTokens, outputTokens, tokensPerSecond }) => {
          const perSecond = tokensPerSecond ?? decodeTokensPerSecond;
          return ((maxTokens - outputTokens) / perSecond) * 1_000;
        });
      return Math.min(...leftMs);
    },
    begin({ job, maxTokens, abort }) {
      const slots = freeSlots(job.model);
      if (slots === 0) return null;
      const rank = parts.rank();
      const leave = admission.enter({ peer: job.peer, subnet: null }, { slots, lane: job.model, rank });
      const held = engines.hold(job.model);
      const remove = active.add(job, maxTokens, abort);
      active.changed();
      return {
        generate: (request, signal) => held.generate({ ...request, rank }, signal),
        progressed: active.changed,
        leave() {
          leave();
          held.release();
          remove();
        },
      };
    },
  };
}
