/** The error for a request that doesn't fit the model's context, with the numbers and the phrase that clients look for. */
import { AppError } from './errors.ts';

/** `inputTokens` is null if the prompt alone would fit, or if it wasn't counted. */
export function contextExceeded(
  inputTokens: number | null,
  maxTokens: number,
  contextTokens: number,
): AppError {
  const numbers = `${inputTokens === null ? '' : `${inputTokens} + `}${maxTokens} > ${contextTokens}`;
  return new AppError('context-exceeded', `Prompt and max_tokens exceed context limit: ${numbers} tokens.`, {
    details: {
      param: inputTokens === null ? 'max_tokens' : 'messages',
      ...(inputTokens !== null && { inputTokens }),
      maxTokens,
      contextTokens,
    },
  });
}
