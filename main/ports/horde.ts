/** Port to the server of the AI Horde: asks for jobs, returns their answers, and pauses the worker there. */

import { VERSION } from '../../shared/version.ts';

/**
 * Name under which this program works there, as `name:version:address`. The server has a list of validated programs: this
 * one isn't on it, and never takes the name of another one. The project has no public address yet.
 */
export const HORDE_AGENT = `Idlewatt:${VERSION}:unknown`;

/** A request for a job. */
export interface HordePopRequest {
  readonly workerName: string;
  /** Names in the Horde's reference; at least one. */
  readonly models: readonly string[];
  /** Most output tokens, and most tokens of prompt and answer together. */
  readonly answerTokensMax: number;
  readonly contextTokensMax: number;
  /** Take jobs that may be for adults only. */
  readonly nsfw: boolean;
}

/** A job, within the bounds of the request that it answers or not: the server decides. */
export interface HordeJob {
  readonly id: string;
  readonly model: string;
  /** Time until the server gives the job to another worker. */
  readonly ttlMs: number;
  /** Sent to the model unchanged, without a template. */
  readonly prompt: string;
  readonly answerTokens: number;
  readonly temperature: number;
  readonly topP: number;
  /** 0: no limit. */
  readonly topK: number;
  /** 0: none. */
  readonly minP: number;
  /** 1: none. */
  readonly repeatPenalty: number;
  readonly stop: readonly string[];
}

/**
 * `key-refused` and `anonymous` last until the owner changes the key. `duplicate`: the job was answered before. `gone`: it
 * isn't this worker's any more. `refused`: any other refusal. `malformed`: an answer in a shape that isn't known.
 */
export type HordeCause =
  | 'key-refused'
  | 'anonymous'
  | 'maintenance'
  | 'duplicate'
  | 'gone'
  | 'limited'
  | 'refused'
  | 'unreachable'
  | 'malformed';

export interface HordeFailure {
  readonly kind: 'failed';
  readonly cause: HordeCause;
  /** The server's words, shortened; null for none. */
  readonly message: string | null;
  /** Time that the server asks to wait; null if it names none. */
  readonly retryAfterMs: number | null;
}

export type HordePopAnswer =
  | { readonly kind: 'job'; readonly job: HordeJob }
  /** A job that can't be read beyond its ID. */
  | { readonly kind: 'unreadable'; readonly id: string }
  /** `skipped`: waiting requests that were passed over, by the server's reasons. */
  | { readonly kind: 'none'; readonly skipped: Readonly<Record<string, number>> }
  | HordeFailure;

/** `faulted`: it wasn't answered, and another worker may do it now. */
export type HordeResult =
  | { readonly state: 'ok'; readonly text: string; readonly seed: number }
  | { readonly state: 'faulted' };

/** No call throws, except for an abort of its signal. */
export interface HordeServer {
  pop(request: HordePopRequest, signal: AbortSignal): Promise<HordePopAnswer>;
  /** `reward`: kudos. */
  submit(
    id: string,
    result: HordeResult,
    signal: AbortSignal,
  ): Promise<{ readonly kind: 'taken'; readonly reward: number } | HordeFailure>;
  /** Pauses the worker there with a message that everybody can read, or ends that with null. */
  setMaintenance(
    workerName: string,
    message: string | null,
    signal: AbortSignal,
  ): Promise<{ readonly kind: 'done' } | HordeFailure>;
}
