/** Describes what the storefront sells to machines: models, x402's directories, and OpenAPI. */
import type { Asset } from '../../../shared/money.ts';
import { formatUnits } from '../../../shared/money.ts';
import type { OfferedModel } from '../../../shared/offer.ts';
import { VERSION } from '../../../shared/version.ts';
import { CHAT_PATH, EMBEDDINGS_PATH, MODELS_PATH, PAYMENT_HEADER, TEXT_PATH } from '../../../shared/wire.ts';

/** Paths that are listed; the others work as well. */
const LISTED_PATHS = [CHAT_PATH, TEXT_PATH, EMBEDDINGS_PATH] as const;
const NAME = 'Idlewatt storefront';
const TAGS = ['ai', 'inference', 'llm', 'openai', 'chat'] as const;
/** Path for reports of abuse. */
export const ABUSE_PATH = '/abuse';
const PRICE_DECIMALS = 6;

/** A model in the form that OpenRouter reads; prices are decimal texts in US dollars for one token. */
export interface ListedModel {
  readonly id: string;
  readonly object: 'model';
  /** Seconds since the epoch. */
  readonly created: number;
  readonly owned_by: string;
  readonly name: string;
  readonly context_length: number;
  readonly max_output_length: number;
  readonly quantization: string;
  readonly input_modalities: readonly string[];
  readonly output_modalities: readonly string[];
  readonly pricing: Readonly<Record<'prompt' | 'completion' | 'request' | 'image', string>>;
  readonly supported_features: readonly string[];
  readonly supported_sampling_parameters: readonly string[];
}

const SAMPLING = ['temperature', 'top_p', 'stop', 'seed', 'max_tokens'] as const;
const MORE_SAMPLING = [
  'top_k',
  'min_p',
  'frequency_penalty',
  'presence_penalty',
  'repetition_penalty',
] as const;

export function listedModel(
  model: OfferedModel,
  { asset, issuedAtMs }: { readonly asset: Asset; readonly issuedAtMs: number },
  answerTokensMax: number,
): ListedModel {
  const features = model.features ?? [];
  // A price is for a million tokens.
  const perToken = (units: string) => formatUnits(BigInt(units), asset.decimals + PRICE_DECIMALS);
  return {
    id: model.id,
    object: 'model',
    created: Math.floor(issuedAtMs / 1_000),
    owned_by: 'idlewatt',
    name: model.id,
    context_length: model.contextTokens,
    max_output_length: Math.min(answerTokensMax, model.contextTokens - 1),
    quantization: quantizationOf(model.quantisation),
    input_modalities: ['text'],
    output_modalities: ['text'],
    pricing: {
      prompt: perToken(model.price.inputPerMillion),
      completion: perToken(model.price.outputPerMillion),
      request: '0',
      image: '0',
    },
    supported_features: [
      ...(features.includes('tools') ? ['tools'] : []),
      ...(features.includes('json') ? ['json_mode', 'structured_outputs'] : []),
      ...(features.includes('logprobs') ? ['logprobs'] : []),
    ],
    supported_sampling_parameters: [...SAMPLING, ...(features.includes('sampling') ? MORE_SAMPLING : [])],
  };
}

/** OpenRouter's word for a quantization of GGUF files. */
function quantizationOf(quantisation: string): string {
  const match = /^(?:i?q([2-8])|(bf16|f16|f32))/i.exec(quantisation);
  if (match?.[2] !== undefined) return match[2].toLowerCase().replace(/^f/, 'fp');
  return match?.[1] === '4' || match?.[1] === '8' ? `int${match[1]}` : 'unknown';
}

/** The description of one path in directories. */
export interface Listing {
  readonly url: string;
  readonly description: string;
  readonly mimeType: string;
  readonly serviceName: string;
  readonly tags: readonly string[];
  readonly extensions: Readonly<Record<string, unknown>>;
}

/** `publicUrl` has no slash at its end. */
export function listingOf(publicUrl: string, path: string, model: string | null): Listing {
  const example = exampleBody(path, model ?? 'MODEL');
  return {
    url: publicUrl + path,
    description: `Answers of open language models on idle machines, as OpenAI’s API: POST ${path}`,
    mimeType: 'application/json',
    serviceName: NAME,
    tags: TAGS,
    extensions: example === null ? {} : { bazaar: bazaarOf(example) },
  };
}

interface Example {
  readonly body: Readonly<Record<string, unknown>>;
  readonly answer: Readonly<Record<string, unknown>>;
}

function exampleBody(path: string, model: string): Example | null {
  if (path === CHAT_PATH) {
    return {
      body: { model, messages: [{ role: 'user', content: 'Why is the sky blue?' }], max_tokens: 100 },
      answer: { choices: [{ message: { role: 'assistant', content: 'Because …' } }] },
    };
  }
  if (path === TEXT_PATH) {
    return {
      body: { model, prompt: 'The sky is', max_tokens: 20 },
      answer: { choices: [{ text: ' blue' }] },
    };
  }
  return path === EMBEDDINGS_PATH
    ? { body: { model, input: 'sky' }, answer: { data: [{ embedding: [0.1] }] } }
    : null;
}

/** See `specs/extensions/bazaar.md` of x402. */
function bazaarOf({ body, answer }: Example): object {
  const bodySchema = {
    type: 'object',
    properties: Object.fromEntries(
      Object.entries(body).map(([name, value]) => [
        name,
        { type: Array.isArray(value) ? 'array' : typeof value },
      ]),
    ),
    required: Object.keys(body).filter((name) => name !== 'max_tokens'),
  };
  return {
    info: {
      input: { type: 'http', method: 'POST', bodyType: 'json', body },
      output: { type: 'json', example: answer },
    },
    schema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: {
        input: {
          type: 'object',
          properties: {
            type: { type: 'string', const: 'http' },
            method: { type: 'string', enum: ['POST'] },
            bodyType: { type: 'string', enum: ['json'] },
            body: bodySchema,
          },
          required: ['type', 'method', 'bodyType', 'body'],
          additionalProperties: false,
        },
        output: {
          type: 'object',
          properties: { type: { type: 'string' }, example: { type: 'object' } },
          required: ['type'],
        },
      },
      required: ['input'],
    },
  };
}

/** `/.well-known/x402`: see `specs/extensions/discovery.md` of x402. Its resources are pointers: their 402 has the terms. */
export function wellKnown(publicUrl: string): object {
  return {
    x402Version: 2,
    kind: 'resource-server',
    name: NAME,
    description: listingOf(publicUrl, CHAT_PATH, null).description,
    resources: LISTED_PATHS.map((path) => ({ url: publicUrl + path, method: 'POST' })),
    docs: `${publicUrl}/`,
  };
}

/** `/.well-known/x402.json`: see `specs/extensions/well-known-discovery.md` of x402. The amounts depend on the request. */
export function wellKnownRoutes(
  publicUrl: string,
  model: string | null,
  known: { readonly accepts: readonly unknown[]; readonly atMs: number },
): object {
  return {
    x402Version: 2,
    lastUpdated: Math.floor(known.atMs / 1_000),
    items: LISTED_PATHS.map((path) => {
      const { extensions: _, ...resource } = listingOf(publicUrl, path, model);
      const example = exampleBody(path, model ?? 'MODEL');
      return {
        resource,
        type: 'http',
        accepts: known.accepts,
        input: { method: 'POST', routeTemplate: path, bodyType: 'json', body: example?.body },
        output: { mimeType: resource.mimeType, example: example?.answer },
      };
    }),
  };
}

export function openApi(publicUrl: string): object {
  const paid = (path: string) => ({
    post: {
      operationId: path.slice(1).replaceAll('/', '_'),
      summary: `OpenAI’s ${path}`,
      requestBody: {
        required: true,
        content: {
          'application/json': { schema: { type: 'object', example: exampleBody(path, 'MODEL')?.body } },
        },
      },
      responses: {
        200: { description: 'The answer; with "stream": true as server-sent events.' },
        401: { description: 'The API key is unknown.' },
        402: { description: 'A payment is required: see the header payment-required (x402 version 2).' },
        429: { description: 'Too many requests: see Retry-After.' },
        503: { description: 'Nobody can answer now: see Retry-After. Nothing was charged.' },
      },
      security: [{ key: [] }, { x402: [] }],
    },
  });
  return {
    openapi: '3.1.0',
    info: { title: NAME, version: VERSION },
    servers: [{ url: publicUrl }],
    paths: {
      ...Object.fromEntries(LISTED_PATHS.map((path) => [path, paid(path)])),
      [MODELS_PATH]: {
        get: { operationId: 'v1_models', responses: { 200: { description: 'Models and prices.' } } },
      },
    },
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer' },
        x402: { type: 'apiKey', in: 'header', name: PAYMENT_HEADER },
      },
    },
  };
}
