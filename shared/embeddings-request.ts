/** Reads requests for embeddings. */
import { z } from 'zod';
import type { AskedCompletion } from './asked.ts';
import { checkParameters, listIgnored, readShape } from './openai.ts';
import { EMBEDDING_INPUTS_MAX } from './request-limits.ts';

const textSchema = z.string().min(1, { error: 'must not be empty' });
const requestSchema = z.looseObject({
  model: z.string().min(1).max(200),
  input: z.union([textSchema, z.array(textSchema).min(1).max(EMBEDDING_INPUTS_MAX)], {
    error: `must be a string or up to ${EMBEDDING_INPUTS_MAX} strings, none of them empty; token IDs aren’t supported`,
  }),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  /** Between gateway and provider: vectors as events, with the receipt after them. */
  stream: z.boolean().nullish(),
});

/** Parses a request body. Fails with `bad-request`; `details.param` is the parameter. */
export function readEmbeddings(body: unknown): AskedCompletion {
  const unused = checkParameters('embeddings', body);
  const { model, input, encoding_format: format, stream } = readShape(requestSchema, body);
  return {
    api: 'embeddings',
    prompt: { kind: 'embed', texts: typeof input === 'string' ? [input] : input },
    model,
    maxTokens: null,
    ...{
      temperature: 0,
      topP: 1,
      seed: null,
      stop: [],
      sampling: {},
      json: null,
      choices: 1,
      topLogprobs: null,
    },
    stream: stream ?? false,
    includeUsage: true,
    returnTokenIds: false,
    isBase64: format === 'base64',
    ignored: listIgnored(unused),
  };
}
