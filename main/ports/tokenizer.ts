/** Recounts the tokens of a bought response with the vocabulary of the model file, if that file is on this machine. */
import type { Prompt } from './engine.ts';

export interface RecountRequest {
  /** The model file. */
  readonly sha256: string;
  readonly prompt: Prompt;
  readonly stop: readonly string[];
  /** Output tokens that the provider sent. */
  readonly tokens: readonly number[];
  /** Text that the provider sent. */
  readonly text: string;
}

export interface Recount {
  /** Tokens of the prompt, with the model's chat template. */
  readonly inputTokens: number;
  /** The text that the output tokens make; null for tokens that the vocabulary doesn't have. */
  readonly outputText: string | null;
  /** Tokens that the model's tokenizer makes of the sent text. */
  readonly textTokens: number;
}

export interface Tokenizer {
  /** Resolves to null if the file isn't here, or if it could not be counted in time. Never fails. */
  recount(request: RecountRequest): Promise<Recount | null>;
}
