/**
 * Lets jobs of another network run among the sold ones: in slots that no buyer waits for, in the list of jobs in progress,
 * and ended with them when the owner needs the machine.
 */
import { isAppError } from '../../../shared/errors.ts';
import type { HeldModel, ModelEngines } from '../../ports/model-engines.ts';
import type { ActiveJobs, RunningJob } from './active-jobs.ts';
import type { Admission } from './admission.ts';
import { slotsOf } from './pauses.ts';

/** Slots of a model with several that stay free for buyers. */
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
  /** Begins a job; null if none may begin now. */
  begin(job: OtherJob): OtherPlace | null;
}

export function createOtherJobs(parts: {
  readonly engines: ModelEngines;
  readonly admission: Pick<Admission, 'enter' | 'taken'>;
  readonly active: Pick<ActiveJobs, 'add' | 'changed'>;
  /** Fails if this machine takes no jobs now. */
  readonly check: () => void;
}): OtherJobs {
  const { engines, admission, active } = parts;

  /** 0 if no job may begin. */
  function freeSlots(modelId: string): number {
    try {
      parts.check();
      const slots = slotsOf(engines.availability(modelId));
      const left = slots - admission.taken(modelId) - (slots > 1 ? RESERVED_SLOTS : 0);
      return left > 0 ? slots : 0;
    } catch (error) {
      if (isAppError(error)) return 0;
      throw error;
    }
  }

  return {
    isFree: (modelId) => freeSlots(modelId) > 0,
    begin({ job, maxTokens, abort }) {
      const slots = freeSlots(job.model);
      if (slots === 0) return null;
      const leave = admission.enter({ peer: job.peer, subnet: null }, { slots, lane: job.model });
      const held = engines.hold(job.model);
      const remove = active.add(job, maxTokens, abort);
      active.changed();
      return {
        generate: held.generate,
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
