/** What runs a model: a child process of ours today, any OpenAI-compatible server later. */
import type { SandboxReport } from '../../shared/sandbox.ts';

export interface ModelFile {
  /** Catalogue id, e.g. `smollm2-135m-instruct`. */
  readonly id: string;
  /** Absolute path of the verified GGUF. */
  readonly path: string;
  readonly sha256: string;
}

export interface LoadOptions {
  /** Context of one sequence, in tokens. */
  readonly contextTokens: number;
  /** Sequences decoded at once in one batch. */
  readonly sequences: number;
  /** Compute threads; chosen from free physical cores. */
  readonly threads: number;
  /** What it may take of all cards together; null for no limit. What does not fit is computed by the processor. */
  readonly graphicsMemoryBytesMax: number | null;
}

export interface LoadedModel {
  readonly model: ModelFile;
  readonly contextTokens: number;
  readonly sequences: number;
  readonly threads: number;
  /** What computes: `cpu`, `cuda`, `vulkan` or `metal`. */
  readonly backend: string;
  readonly loadMs: number;
  readonly quantisation: string;
  readonly parameterCount: number | null;
  /** What holds it, and what does not. */
  readonly sandbox: SandboxReport;
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export type Prompt =
  | {
      readonly kind: 'chat';
      readonly messages: readonly ChatMessage[];
      /** The last message is the assistant's, unfinished: the answer is what follows it. */
      readonly continuesLast?: boolean;
    }
  | { readonly kind: 'text'; readonly text: string };

export interface GenerateRequest {
  readonly prompt: Prompt;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number | null;
  /** At most 4; never part of the answer. */
  readonly stop: readonly string[];
}

export type GenerateEvent =
  /** The prompt was tokenised and admitted to a sequence. */
  | { readonly type: 'start'; readonly inputTokens: number }
  /** Text that will not change any more (held back while it may begin a stop string), with its token ids. */
  | { readonly type: 'text'; readonly text: string; readonly tokens: readonly number[] }
  | {
      readonly type: 'end';
      readonly reason: 'stop' | 'length' | 'aborted';
      readonly inputTokens: number;
      readonly outputTokens: number;
      readonly prefillMs: number;
      readonly decodeMs: number;
      /** Processor time of all threads meanwhile; absent where the engine cannot say. */
      readonly cpu?: { readonly prefillMs: number; readonly decodeMs: number } | undefined;
    };

export type EngineStatus =
  | { readonly state: 'stopped' }
  | { readonly state: 'loading'; readonly modelId: string }
  | {
      readonly state: 'ready';
      readonly loaded: LoadedModel;
      readonly activeSequences: number;
      readonly pid: number;
    }
  | { readonly state: 'restarting'; readonly attempt: number; readonly inMs: number; readonly cause: string }
  | { readonly state: 'gave-up'; readonly attempts: number; readonly cause: string };

/** How the machine was given back, and how long that took. */
export interface GivenBack {
  /** `killed` when it computed or did not unload in time; otherwise only the model went. */
  readonly how: 'unloaded' | 'killed';
  /** Milliseconds from the call until nothing computed any more and all memory was free. */
  readonly durationMs: number;
}

/**
 * One loaded model and its sequences. Requests beyond `sequences` wait in order.
 * Failures are AppErrors: `context-exceeded`, `model-unavailable`, `engine-failed`, `engine-gave-up`.
 */
export interface Engine {
  status(): EngineStatus;
  /** Called with each new status; returns its unsubscribe. */
  onStatus(listener: (status: EngineStatus) => void): () => void;
  load(model: ModelFile, options: LoadOptions): Promise<LoadedModel>;
  /**
   * Ends with one `end` event, or throws. Aborting stops within one token, ends with reason `aborted`
   * and counts what was delivered.
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerateEvent>;
  /**
   * Share of the time in which it computes, in percent (1 to 100, at first 100): from the next step on, also of
   * answers under way.
   */
  setDuty(percent: number): void;
  /** Gives the memory back, politely. */
  unload(): Promise<void>;
  /**
   * The owner needs the machine: nothing computes and no memory is held when it resolves. Answers under way end
   * at once with reason `aborted` and what was delivered; requests that wait fail with `model-unavailable`.
   * Null when nothing was loaded.
   */
  handBack(): Promise<GivenBack | null>;
  /** Stops the process: politely, then by force; afterwards the engine can be loaded again. */
  stop(): Promise<void>;
}
