/** The tokens of a text for an embedding model; the same in the engine and where a bill is recounted. */
import { type LlamaModel, LlamaVocabularyType, type Token } from 'node-llama-cpp';

/** Adds a beginning and an end as the library does for the kind of vocabulary. */
export function embeddingTokens(model: LlamaModel, text: string): Token[] {
  const tokens = model.tokenize(text);
  const { first, last } = surroundings(model);
  return [
    ...(first === null || tokens[0] === first ? [] : [first]),
    ...tokens,
    ...(last === null || tokens.at(-1) === last ? [] : [last]),
  ];
}

function surroundings({ vocabularyType, tokens }: LlamaModel): {
  readonly first: Token | null;
  readonly last: Token | null;
} {
  switch (vocabularyType) {
    case LlamaVocabularyType.rwkv:
      return { first: null, last: null };
    case LlamaVocabularyType.wpm:
      return { first: tokens.bos, last: tokens.sep };
    case LlamaVocabularyType.ugm:
      return { first: null, last: tokens.eos };
    default:
      return {
        first: tokens.shouldPrependBosToken ? tokens.bos : null,
        last: tokens.shouldAppendEosToken ? tokens.eos : null,
      };
  }
}
