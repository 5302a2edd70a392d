/**
 * Removes the unfinished message of the assistant from the beginning of its continuation: some versions of llama-server
 * send it again.
 */
import type { AnswerPiece } from '../../../shared/answer-pieces.ts';
import type { GenerateRequest } from '../../ports/engine.ts';

export interface RepeatedText {
  /** Returns what is new of the piece. */
  remove(piece: AnswerPiece): AnswerPiece;
  /** Returns text that turned out to be no repetition at the end of the answer. */
  rest(): string;
}

const NOTHING: RepeatedText = { remove: (piece) => piece, rest: () => '' };

export function repeatedText({ prompt }: Pick<GenerateRequest, 'prompt'>): RepeatedText {
  const last = prompt.kind === 'chat' && prompt.continuesLast ? prompt.messages.at(-1)?.content : '';
  return last ? new Repetition(last) : NOTHING;
}

class Repetition implements RepeatedText {
  readonly #text: string;
  #held = '';
  #isOver = false;

  constructor(text: string) {
    this.#text = text;
  }

  remove(piece: AnswerPiece): AnswerPiece {
    if (this.#isOver || piece.text === '') return piece;
    const so = this.#held + piece.text;
    if (so.length < this.#text.length && this.#text.startsWith(so)) {
      this.#held = so;
      return { ...piece, text: '' };
    }
    this.#isOver = true;
    this.#held = '';
    return { ...piece, text: so.startsWith(this.#text) ? so.slice(this.#text.length) : so };
  }

  rest(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }
}
