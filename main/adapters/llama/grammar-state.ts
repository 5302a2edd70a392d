/** Follows an answer through the grammar that it is bound to, so that our own choice of tokens can obey it. */
import { LlamaGrammarEvaluationState, type LlamaModel, type Token } from 'node-llama-cpp';
import { AppError } from '../../../shared/errors.ts';

export interface GrammarState {
  /** True if this token may follow; one that ends the response may follow only where it is complete. */
  allows(token: Token): boolean;
  /** Continues with a token that {@link allows} permits. */
  accept(token: Token): void;
  /** Returns a state for the library's sampler, which adds the token that it chooses to it. */
  copy(): LlamaGrammarEvaluationState;
}

/** The private parts of the library that read a state without sampling. */
interface NativeSampler {
  canBeNextTokenForGrammarEvaluationState(state: unknown, token: Token): boolean;
  acceptGrammarEvaluationStateToken(state: unknown, token: Token): void;
}

/** Fails with `bad-request` for a grammar that the library can't read. */
export async function openGrammar(model: LlamaModel, text: string): Promise<GrammarState> {
  const state = await initialState(model, text);
  const { _state: native } = state as unknown as { readonly _state?: unknown };
  const { _bindings: bindings } = model.llama as unknown as {
    readonly _bindings?: { readonly AddonSampler?: NativeSampler };
  };
  const sampler = bindings?.AddonSampler;
  if (native === undefined || !sampler?.canBeNextTokenForGrammarEvaluationState)
    throw new Error('This version of the library reads grammars otherwise.');
  return {
    allows: (token) => sampler.canBeNextTokenForGrammarEvaluationState(native, token),
    accept(token) {
      if (!model.isEogToken(token)) sampler.acceptGrammarEvaluationStateToken(native, token);
    },
    copy: () => state.clone(),
  };
}

async function initialState(model: LlamaModel, text: string): Promise<LlamaGrammarEvaluationState> {
  try {
    const grammar = await model.llama.createGrammar({ grammar: text });
    return new LlamaGrammarEvaluationState({ model, grammar });
  } catch (cause) {
    throw new AppError('bad-request', 'The engine can’t use this JSON schema.', {
      cause,
      details: { param: 'response_format', code: 'invalid_json_schema' },
    });
  }
}
