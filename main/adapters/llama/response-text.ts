/** From the tokens of a response to its text, thoughts and calls; the same in the engine and where a bill is recounted. */
import type { LlamaModel, Token } from 'node-llama-cpp';
import type { Prompt } from '../../ports/engine.ts';
import { type AnswerParser, createAnswerParser, type ParsedPiece } from './answer-parser.ts';
import { createAnswerText } from './answer-text.ts';
import type { Template, TokenizedPrompt } from './chat-template.ts';
import { MARKS } from './tool-marks.ts';
import { textParameters } from './xml-grammar.ts';

export interface ResponseText {
  /** Adds one token. `stopped` is true if a stop string was found. */
  push(token: number): { readonly pieces: readonly ParsedPiece[]; readonly stopped: boolean };
  /** Returns the rest; `isCut` is true after a stop string, behind which nothing counts. */
  flush(isCut: boolean): readonly ParsedPiece[];
  readonly parser: AnswerParser;
}

export interface ResponseTextOptions {
  readonly model: LlamaModel;
  readonly template: Pick<Template, 'tools' | 'reasons'>;
  readonly prompt: Prompt;
  readonly tokenized: Pick<TokenizedPrompt, 'tokens' | 'isThinking'>;
  readonly stop: readonly string[];
}

export function createResponseText(options: ResponseTextOptions): ResponseText {
  const { model, template, prompt, tokenized, stop } = options;
  const tools = prompt.kind === 'chat' ? prompt.tools : undefined;
  // Continuing a text or an unfinished response keeps its next space; a new response starts without one.
  const continues = prompt.kind === 'text' || (prompt.kind === 'chat' && prompt.continuesLast === true);
  const detokenize = createDetokenizer(model, tools !== undefined || template.reasons);
  const text = createAnswerText(stop, detokenize, continues ? tokenized.tokens : []);
  const parser = createAnswerParser({
    format: tools === undefined ? null : template.tools,
    names: (tools ?? []).map(({ name }) => name),
    isTextParameter: textParameters(tools ?? []),
    reasons: template.reasons && prompt.kind === 'chat',
    isThinking: tokenized.isThinking,
    continues,
  });
  return {
    parser,
    push(token) {
      const { piece, stopped } = text.push(token);
      return { pieces: piece === null ? [] : parser.push(piece), stopped };
    },
    flush(isCut) {
      const rest = isCut ? null : text.flush();
      return [...(rest === null ? [] : parser.push(rest)), ...parser.flush()];
    },
  };
}

type Detokenize = (tokens: readonly number[], before: readonly number[]) => string;

/** Control tokens have no text, except for the marks that the parser looks for. */
function createDetokenizer(model: LlamaModel, hasMarks: boolean): Detokenize {
  const marks = new Set(hasMarks ? marksOf(model) : []);
  return (tokens, before) => {
    const isMark = tokens.some((token) => marks.has(token));
    return model.detokenize(tokens as Token[], isMark, before as Token[]);
  };
}

const known = new WeakMap<LlamaModel, readonly number[]>();

function marksOf(model: LlamaModel): readonly number[] {
  const found = known.get(model) ?? Object.values(MARKS).flatMap((mark) => singleToken(model, mark));
  known.set(model, found);
  return found;
}

function singleToken(model: LlamaModel, mark: string): readonly number[] {
  const tokens = model.tokenize(mark, true, 'trimLeadingSpace');
  return tokens.length === 1 ? tokens : [];
}
