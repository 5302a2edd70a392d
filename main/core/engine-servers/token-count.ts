/**
 * Counts the tokens of an engine server's answer. Its own counts are accepted within bounds that a buyer checks too: a
 * token has at least one byte, and the limits of the request hold. What isn't certain is counted in the buyer's favor.
 */
import { type AnswerPiece, writtenText } from '../../../shared/answer-pieces.ts';
import { promptBytes, promptTokensMax } from '../../../shared/asked.ts';
import { utf8Length } from '../../../shared/utf8.ts';
import type { GenerateRequest } from '../../ports/engine.ts';
import type { ReportedCounts } from './answer-chunks.ts';

/** Before the server has counted a prompt: fewer tokens than tokenizers make of ordinary text. */
const PROMPT_BYTES_PER_TOKEN = 8;
/** Tokens without text at the end of an answer, and around a call; fewer than a buyer tolerates. */
const SILENT_TOKENS = 4;
const SILENT_TOKENS_PER_CALL = 40;

export interface TokenCount {
  /** Prompt tokens: the server's count within the bound, or a lower bound before there is one. */
  input(): number;
  /** Null while only a lower bound is known. */
  readonly reportedInput: number | null;
  readonly output: number;
  /** Counts a piece of the answer; returns how many tokens are new. */
  add(piece: AnswerPiece, counts: ReportedCounts | null): number;
  /** Takes the counts of an event without a piece. */
  report(counts: ReportedCounts): void;
  /** Returns the tokens that are missing at the end of a complete answer. */
  finish(): number;
}

/** `eventsAreTokens`: an event has at least one token. Otherwise only the server's counts are used. */
export function createTokenCount(
  { prompt, maxTokens }: Pick<GenerateRequest, 'prompt' | 'maxTokens'>,
  { eventsAreTokens }: { readonly eventsAreTokens: boolean },
): TokenCount {
  const inputMax = promptTokensMax({ prompt });
  const inputMin = Math.max(1, Math.floor(promptBytes({ prompt }) / PROMPT_BYTES_PER_TOKEN));
  let input: number | null = null;
  let reported: number | null = null;
  let output = 0;
  let bytes = 0;
  const calls = new Set<number>();
  const most = () => Math.min(maxTokens, bytes + SILENT_TOKENS + SILENT_TOKENS_PER_CALL * calls.size);

  function report(counts: ReportedCounts): void {
    input = Math.min(counts.inputTokens, inputMax);
    reported = Math.max(reported ?? 0, counts.outputTokens);
  }

  function raise(to: number): number {
    const next = Math.max(output, Math.min(to, most()));
    const added = next - output;
    output = next;
    return added;
  }

  return {
    input: () => input ?? inputMin,
    get reportedInput() {
      return input;
    },
    get output() {
      return output;
    },
    add(piece, counts) {
      bytes += utf8Length(writtenText(piece));
      for (const { index } of piece.toolCalls ?? []) calls.add(index);
      if (counts !== null) report(counts);
      return raise(reported ?? (eventsAreTokens ? output + 1 : output));
    },
    report,
    finish: () => raise(reported ?? output),
  };
}
