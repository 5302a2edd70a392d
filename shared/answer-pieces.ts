/** The pieces of which an answer is made, from the engine to the client. */

/** A part of a call: the first one of a call has its ID and name. */
export interface ToolCallDelta {
  /** Position of the call in the answer. */
  readonly index: number;
  readonly id?: string;
  readonly name?: string;
  /** The next part of the arguments' JSON text. */
  readonly arguments: string;
}

export interface TokenProbability {
  /** The token's text; bytes that aren't a whole character are replaced. */
  readonly token: string;
  readonly bytes: readonly number[];
  /** Natural logarithm of the probability. */
  readonly logprob: number;
}

export interface TokenLogprob extends TokenProbability {
  /** The most likely tokens at this position, best first. */
  readonly top: readonly TokenProbability[];
}

/** A part of an answer with the tokens that it is made of. At most one of text, reasoning and calls has content. */
export interface AnswerPiece {
  /** Position among the answers to the prompt; absent: the first. */
  readonly choice?: number;
  readonly text: string;
  readonly tokens: readonly number[];
  /** Thoughts of a reasoning model before it answers. */
  readonly reasoning?: string;
  readonly toolCalls?: readonly ToolCallDelta[];
  /** One for each token, if they were requested. */
  readonly logprobs?: readonly TokenLogprob[];
  /** Vectors of the next texts, as base64 of little-endian 32-bit floats. */
  readonly vectors?: readonly string[];
}

/** Everything that the model wrote in the piece, without the marks of its format, in one text. */
export function writtenText({ text, reasoning = '', toolCalls = [] }: AnswerPiece): string {
  return reasoning + text + toolCalls.map((call) => (call.name ?? '') + call.arguments).join('');
}

export interface JoinedCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/** The pieces of one choice together. */
export interface JoinedAnswer {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly JoinedCall[];
  readonly tokens: readonly number[];
  readonly logprobs: readonly TokenLogprob[];
}

export function joinPieces(pieces: readonly AnswerPiece[], choice = 0): JoinedAnswer {
  const own = pieces.filter((piece) => (piece.choice ?? 0) === choice);
  const calls = new Map<number, JoinedCall>();
  for (const delta of own.flatMap(({ toolCalls = [] }) => toolCalls)) {
    const known = calls.get(delta.index) ?? { id: '', name: '', arguments: '' };
    calls.set(delta.index, {
      id: delta.id ?? known.id,
      name: delta.name ?? known.name,
      arguments: known.arguments + delta.arguments,
    });
  }
  return {
    text: own.map(({ text }) => text).join(''),
    reasoning: own.map(({ reasoning = '' }) => reasoning).join(''),
    toolCalls: [...calls.values()],
    tokens: own.flatMap(({ tokens }) => tokens),
    logprobs: own.flatMap(({ logprobs = [] }) => logprobs),
  };
}
