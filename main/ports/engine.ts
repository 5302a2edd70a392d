/** Runs a model: a child process, or an engine server of the owner's. */
import type { TokenLogprob, ToolCallDelta } from '../../shared/answer-pieces.ts';
import type { AppliedSampling } from '../../shared/applied-sampling.ts';
import type { AnswerJson, AskedMessage, AskedPrompt, Sampling } from '../../shared/asked.ts';
import type { GraphicsProblem } from '../../shared/graphics-problems.ts';
import type { ModelFeature } from '../../shared/model-features.ts';
import type { SandboxReport } from '../../shared/sandbox.ts';

export interface ModelFile {
  /** Catalog ID, e.g. `smollm2-135m-instruct`. */
  readonly id: string;
  /** Absolute path of the verified GGUF; the ID again for a model of an engine server. */
  readonly path: string;
  /** Of the file; for a model of an engine server, the hash of what identifies it there. */
  readonly sha256: string;
}

export interface LoadOptions {
  /** Context of one sequence, in tokens. */
  readonly contextTokens: number;
  /** Maximum concurrent streams: sequences decoded in one batch. The engine takes fewer if memory is short. */
  readonly sequences: number;
  /** Compute threads; chosen from free physical cores. */
  readonly threads: number;
  /** Memory limit over all GPUs together; null for no limit. What does not fit is computed on the CPU. */
  readonly graphicsMemoryBytesMax: number | null;
}

export interface LoadedModel {
  readonly model: ModelFile;
  readonly contextTokens: number;
  readonly sequences: number;
  /** Null if the engine doesn't report it. */
  readonly threads: number | null;
  /** Compute backend: `cpu`, `cuda`, `vulkan` or `metal`; the kind of an engine server. */
  readonly backend: string;
  readonly loadMs: number;
  readonly quantisation: string;
  readonly parameterCount: number | null;
  /** Abilities of the model beyond plain text. Absent: none. */
  readonly features?: readonly ModelFeature[];
  /** State of each part of the sandbox. */
  readonly sandbox: SandboxReport;
  /** Libraries for GPUs that would be faster than `backend`, and why they aren't used. Absent: none. */
  readonly graphicsProblems?: readonly GraphicsProblem[];
}

export type ChatMessage = AskedMessage;
export type Prompt = AskedPrompt;

export interface GenerateRequest {
  readonly prompt: Prompt;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number | null;
  /** At most 4; never part of the response. */
  readonly stop: readonly string[];
  /**
   * The paying requester. A prompt reuses computed tokens of earlier ones only for the same requester; null or absent
   * reuses none but the chat template's own.
   */
  readonly requester?: string | null;
  /** Among waiting requests, a lower rank gets a sequence first. Absent: behind all that have one. */
  readonly rank?: number;
  /** True for a line of a batch: it waits for a sequence behind all others of its rank. */
  readonly isPatient?: boolean;
  readonly sampling?: Sampling;
  /** JSON that the response must be. Absent or null: it is text. */
  readonly json?: AnswerJson | null;
  /** Alternatives of each token to report. Absent or null: no probabilities. */
  readonly topLogprobs?: number | null;
  /**
   * Tokens of an answer to this request that somebody claims to have generated. Nothing is generated then: the engine
   * reads them and reports `gaps`. Fails with `bad-request` if the request is one whose choices can't be repeated.
   */
  readonly claimedTokens?: readonly number[];
}

export type GenerateEvent =
  /**
   * The prompt was tokenized and admitted to a sequence. Repeated with the exact count if an engine server reports it only
   * at the end; until then it is a lower bound.
   */
  | {
      readonly type: 'start';
      readonly inputTokens: number;
      readonly cachedTokens?: number | undefined;
      /** Absent for vectors, and for an engine that doesn't report it. */
      readonly sampling?: AppliedSampling | undefined;
    }
  /** Final text with its token IDs; held back while it may be the beginning of a stop string. */
  | {
      readonly type: 'text';
      readonly text: string;
      readonly tokens: readonly number[];
      /** Thoughts of a reasoning model; `text` is empty then. */
      readonly reasoning?: string;
      /** Parts of calls; `text` is empty then. */
      readonly toolCalls?: readonly ToolCallDelta[];
      /** One for each token, if requested. */
      readonly logprobs?: readonly TokenLogprob[];
    }
  /** One vector for each text of an embeddings request, as base64 of little-endian 32-bit floats. */
  | { readonly type: 'vectors'; readonly vectors: readonly string[] }
  /**
   * For each claimed token the logits by which it falls short of the one that this engine would have drawn: 0 for the same
   * token, up to 2.
   */
  | { readonly type: 'gaps'; readonly gaps: readonly number[] }
  | {
      readonly type: 'end';
      readonly reason: 'stop' | 'length' | 'tool_calls' | 'aborted';
      readonly inputTokens: number;
      /** Prompt tokens that had been computed for an earlier request. Absent: none. */
      readonly cachedTokens?: number | undefined;
      /** Prompt tokens that were computed, now or earlier; none if nothing was computed now. Fewer than `inputTokens` only after an abort. Absent: all of them. */
      readonly readTokens?: number | undefined;
      readonly outputTokens: number;
      readonly prefillMs: number;
      readonly decodeMs: number;
      /** CPU time of all threads during each phase; absent if the engine cannot measure it. */
      readonly cpu?: { readonly prefillMs: number; readonly decodeMs: number } | undefined;
    };

export type EngineStatus =
  | { readonly state: 'stopped' }
  | { readonly state: 'loading'; readonly modelId: string }
  | {
      readonly state: 'ready';
      readonly loaded: LoadedModel;
      readonly activeSequences: number;
      readonly pid: number | null;
    }
  | { readonly state: 'restarting'; readonly attempt: number; readonly inMs: number; readonly cause: string }
  | { readonly state: 'gave-up'; readonly attempts: number; readonly cause: string };

/** Result of a hand-back. */
export interface GivenBack {
  /**
   * `killed` if the process was computing or did not unload in time; otherwise only the model was unloaded. `cancelled`:
   * requests to an engine server were, and what it holds is up to that program.
   */
  readonly how: 'unloaded' | 'killed' | 'cancelled';
  /**
   * Milliseconds from the call until the engine had stopped computing and all its memory was free; for an engine server,
   * until every request to it was closed.
   */
  readonly durationMs: number;
}

/**
 * One loaded model and its sequences. Requests beyond `sequences` are queued: their requesters take turns, patient
 * requests last.
 * Failures are AppErrors: `context-exceeded`, `model-unavailable`, `engine-failed`, `engine-gave-up`.
 */
export interface Engine {
  status(): EngineStatus;
  /** Calls the listener with each new status; returns its unsubscribe. */
  onStatus(listener: (status: EngineStatus) => void): () => void;
  load(model: ModelFile, options: LoadOptions): Promise<LoadedModel>;
  /**
   * Yields events up to exactly one `end`, or throws. Aborting stops within one token; the `end` then has reason
   * `aborted` and counts the delivered tokens.
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerateEvent>;
  /**
   * Sets the duty cycle: the percent of time in which the engine computes (1 to 100, initially 100). Applies from the
   * next compute step, including responses in progress.
   */
  setDuty(percent: number): void;
  /** Limits the threads of each step below those it was loaded with; null: no further limit. From the next step on. */
  setThreadsMax(threads: number | null): void;
  /** Frees the memory cooperatively. */
  unload(): Promise<void>;
  /**
   * Returns the machine to the owner: when it resolves, nothing computes and no memory is held. Responses in progress
   * end immediately with reason `aborted` and the delivered tokens; queued requests fail with `model-unavailable`.
   * Resolves to null if nothing was loaded.
   */
  handBack(): Promise<GivenBack | null>;
  /** Stops the process, cooperatively first, then by force. The engine can be loaded again afterwards. */
  stop(): Promise<void>;
}
