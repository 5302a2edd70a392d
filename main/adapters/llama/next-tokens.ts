/** The tokens of a response one after the other, by the library's choice or by our own. */
import type {
  ControlledEvaluateInputItem,
  EvaluationPriority,
  LlamaContextSequence,
  LlamaModel,
  SequenceEvaluateOptions,
  Token,
} from 'node-llama-cpp';
import type { TokenLogprob } from '../../../shared/answer-pieces.ts';
import { forceUnwrap } from '../../../shared/assert.ts';
import type { GrammarState } from './grammar-state.ts';
import type { Choose } from './sampling.ts';
import type { Lent } from './sequence-pool.ts';

/** The sampler's options, and the choice that replaces the sampler's. */
export interface Sampler {
  readonly options: SequenceEvaluateOptions;
  readonly choose: Choose | null;
  /** The grammar that our own choice follows; null for none. */
  readonly grammar: GrammarState | null;
  /** Tokens of the response so far. */
  readonly generated: Token[];
}

export interface TokenParts {
  readonly model: LlamaModel;
  readonly lent: Lent<LlamaContextSequence>;
  readonly sampler: Sampler;
  /** Receives the probabilities of each token. */
  readonly logprobs: TokenLogprob[];
}

export interface NextTokens {
  /** Resolves to null at the end of the response. */
  next(): Promise<Token | null>;
  end(): Promise<unknown>;
}

/** Begins with what is left of the prompt, which isn't empty. */
export function nextTokens(
  options: TokenParts,
  prompt: Token[],
  evaluationPriority: EvaluationPriority,
): NextTokens {
  const { lent, sampler } = options;
  const { choose, grammar } = sampler;
  const evaluation = { ...sampler.options, evaluationPriority };
  if (choose === null) {
    const tokens = lent.sequence.evaluate(prompt, evaluation);
    return {
      async next() {
        const { value, done } = await tokens.next();
        return done ? null : value;
      },
      end: () => tokens.return(),
    };
  }
  const parts = { ...options, choose, evaluation };
  return grammar === null ? freeTokens(parts, prompt) : boundTokens({ ...parts, grammar }, prompt);
}

interface ChosenTokens extends TokenParts {
  readonly choose: Choose;
  readonly evaluation: SequenceEvaluateOptions;
}

/** Tokens of our own choice, without a grammar. */
function freeTokens(
  { lent, sampler, model, logprobs, choose, evaluation }: ChosenTokens,
  prompt: Token[],
): NextTokens {
  // The library continues with the token that it gets. One that ends the response must be reported, too: our
  // choice may be another one.
  const withMetadata = lent.sequence.evaluateWithMetadata(
    prompt,
    { probabilities: true },
    { ...evaluation, yieldEogToken: true },
  );
  let chosen: Token | undefined;
  return {
    async next() {
      const { value, done } = await withMetadata.next(chosen);
      if (done) return null;
      const choice = choose({ probabilities: value.probabilities, generated: sampler.generated });
      if (choice === null) throw new Error('without a grammar every candidate is allowed');
      chosen = choice.token;
      if (model.isEogToken(choice.token)) return null;
      if (choice.logprob !== null) logprobs.push(choice.logprob);
      return choice.token;
    },
    end: () => withMetadata.return(),
  };
}

/**
 * Tokens of our own choice among those that the grammar allows. Only if it allows none of the most likely ones, the library
 * applies it to the whole vocabulary, which takes longer than computing a token; it computes the last one again for that.
 */
function boundTokens(
  { lent, sampler, model, logprobs, choose, evaluation, grammar }: ChosenTokens & { grammar: GrammarState },
  prompt: Token[],
): NextTokens {
  const { sequence } = lent;
  let input = prompt;
  async function compute() {
    const items = input.map(
      (token, index): ControlledEvaluateInputItem =>
        index < input.length - 1
          ? token
          : [token, { generateNext: { probabilities: true, options: sampler.options } }],
    );
    const outputs = await sequence.controlledEvaluate(items, evaluation);
    return forceUnwrap('the last token has probabilities', outputs.at(-1)?.next.probabilities);
  }
  async function computeAllowed() {
    const end = sequence.nextTokenIndex;
    await sequence.eraseContextTokenRanges([{ start: end - 1, end }]);
    const options = { ...evaluation, grammarEvaluationState: grammar.copy(), yieldEogToken: true };
    const outputs = sequence.evaluateWithMetadata(input.slice(-1), { probabilities: true }, options);
    const { value } = await outputs.next();
    await outputs.return();
    if (sequence.nextTokenIndex !== end) throw new Error('the last token was computed twice');
    return value?.probabilities;
  }
  return {
    async next() {
      const { generated } = sampler;
      const probabilities = await compute();
      const position = { probabilities, generated };
      let choice = choose(position);
      if (choice === null) {
        const allowed = await computeAllowed();
        if (allowed !== undefined) choice = choose({ ...position, allowed });
      }
      // The library samples nothing where the grammar allows nothing.
      if (choice === null || model.isEogToken(choice.token)) return null;
      grammar.accept(choice.token);
      if (choice.logprob !== null) logprobs.push(choice.logprob);
      input = [choice.token];
      return choice.token;
    },
    end: () => Promise.resolve(),
  };
}
