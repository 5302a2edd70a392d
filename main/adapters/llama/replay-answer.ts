/**
 * Repeats the choices of an answer that somebody else generated: reads prompt and answer once, without generating, and
 * measures for each token by how much it falls short of the one that this engine would have drawn.
 */
import type {
  ControlledEvaluateInputItem,
  EvaluationPriority,
  LlamaContextSequence,
  SequenceEvaluateOptions,
  Token,
} from 'node-llama-cpp';
import { AppError } from '../../../shared/errors.ts';
import type { EngineEvent } from '../../ports/engine-process.ts';
import { allowedCandidates, sortCandidates } from './candidate-choice.ts';
import { appliedSampling, grammarOf, type ResponseOptions, tokenizePrompt } from './generate-response.ts';
import { type GrammarState, openGrammar } from './grammar-state.ts';
import { type Candidates, candidatesOf, GAP_MAX, gapOf } from './gumbel-noise.ts';
import { planSampling, replayOptions, type SamplingPlan } from './sampling.ts';
import type { Lent } from './sequence-pool.ts';

/**
 * Tokens of one step. The library stores the logits of all of them, 4 bytes for each token of the vocabulary, and samples
 * one after the other while the running answers wait.
 */
const STEP_TOKENS_MAX = 32;

/** Emits `start` and `gaps`, and returns the `end`. Fails with `bad-request` if the choices can't be repeated. */
export async function replayAnswer(
  options: ResponseOptions,
  claimed: readonly Token[],
): Promise<EngineEvent> {
  const { command, pool, steps, emit, signal } = options;
  const { id, request } = command;
  const startMs = performance.now();
  const plan = planSampling(request);
  if (plan.method === 'other' || (plan.method === 'gumbel-max' && request.seed === null))
    throw new AppError('bad-request', 'The choices of this answer can’t be repeated.');
  const { tokens: prompt } = tokenizePrompt(options, claimed.length);
  const text = grammarOf(options);
  const grammar = text === null ? null : await openGrammar(options.model, text);
  const lent = pool.lend(prompt, request.requester ?? null);
  const turns = steps.enter(lent.id);
  let isSound = false;
  try {
    await lent.prepare();
    const sampling = appliedSampling(options, plan, prompt);
    emit({ type: 'start', id, inputTokens: prompt.length, cachedTokens: lent.cachedTokens, sampling });
    const replay = openReplay(options, { prompt, claimed, lent, plan, grammar });
    while (replay.tokensLeft() > 0) {
      const read = await turns.take(Math.min(STEP_TOKENS_MAX, replay.tokensLeft()), replay.read, signal);
      if (read === null || signal.aborted) break;
    }
    const isWhole = replay.tokensLeft() === 0;
    if (isWhole) emit({ type: 'gaps', id, gaps: replay.gaps });
    isSound = true;
    return {
      ...{ type: 'end', id, reason: isWhole ? 'stop' : 'aborted', outputTokens: 0, decodeMs: 0 },
      ...{ inputTokens: prompt.length, cachedTokens: lent.cachedTokens },
      readTokens: Math.min(prompt.length, replay.readTokens()),
      prefillMs: performance.now() - startMs,
    };
  } finally {
    turns.leave();
    await lent.release(isSound);
  }
}

interface ReplayParts {
  readonly prompt: readonly Token[];
  readonly claimed: readonly Token[];
  readonly lent: Lent<LlamaContextSequence>;
  readonly plan: SamplingPlan;
  /** The grammar that the answer is bound to, at its beginning; null for none. */
  readonly grammar: GrammarState | null;
}

function openReplay({ model, command }: ResponseOptions, parts: ReplayParts) {
  const { prompt, claimed, lent, plan, grammar } = parts;
  const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  // A token that no vocabulary has can't be read; nothing after it can have been drawn honestly.
  const unknown = claimed.findIndex((token) => token >= vocabulary);
  const known = unknown < 0 ? claimed : claimed.slice(0, unknown);
  // The last token is drawn after the one before it: it need not be read.
  const tokens = [...prompt, ...known.slice(0, unknown < 0 ? -1 : undefined)];
  const gaps: number[] = claimed.map(() => GAP_MAX);
  const evaluationPriority = (lent.id + 1) as EvaluationPriority;
  let next = lent.cachedTokens;

  /** Index of the claimed token that follows the one at this place; negative within the prompt. */
  const claimedAfter = (place: number) => place - prompt.length + 1;
  const optionsAt = (index: number): SequenceEvaluateOptions =>
    replayOptions(model, command.request, plan, {
      generated: () => claimed.slice(0, index),
      isBound: grammar !== null,
    });
  const measure = grammar === null ? measureFree(plan) : measureBound(plan, grammar);

  return {
    gaps,
    tokensLeft: () => tokens.length - next,
    readTokens: () => next,
    async read(granted: number): Promise<'read'> {
      const first = next;
      const part = tokens.slice(first, first + granted);
      const input = part.map((token, offset): ControlledEvaluateInputItem => {
        const index = claimedAfter(first + offset);
        if (index < 0 || index >= known.length) return token;
        return [token, { generateNext: { probabilities: true, options: optionsAt(index) } }];
      });
      const outputs = await lent.sequence.controlledEvaluate(input, { evaluationPriority });
      for (const [offset, output] of outputs.entries()) {
        const probabilities = output?.next.probabilities;
        const index = claimedAfter(first + offset);
        const token = claimed[index];
        if (probabilities === undefined || token === undefined) continue;
        gaps[index] = measure(candidatesOf(probabilities), index, token);
      }
      next = first + part.length;
      return 'read';
    },
  };
}

/** Measures one claimed token after the other. */
type Measure = (candidates: Candidates, position: number, claimed: Token) => number;

function measureFree(plan: SamplingPlan): Measure {
  return (candidates, position, claimed) => gapOf(candidates, plan, position, claimed);
}

/** Nothing that follows a token that the grammar doesn't allow can have been drawn. */
function measureBound(plan: SamplingPlan, grammar: GrammarState): Measure {
  const allows = (token: number) => grammar.allows(token as Token);
  let isBroken = false;
  return (candidates, position, claimed) => {
    if (isBroken || !allows(claimed)) {
      isBroken = true;
      return GAP_MAX;
    }
    const kept = allowedCandidates({ sorted: sortCandidates(candidates), allows }, plan);
    grammar.accept(claimed);
    // The provider has chosen among the whole vocabulary: that isn't repeated.
    return kept.length === 0 ? 0 : gapOf(kept, plan, position, claimed);
  };
}
