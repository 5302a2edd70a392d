/** Finds out which program an engine server is, and which models it has, from what it answers. */

import { z } from 'zod';
import {
  ENGINE_MODEL_NAME_CHARACTERS_MAX,
  ENGINE_SERVER_MODELS_MAX,
  type EngineServerKind,
} from '../../../shared/engine-servers.ts';
import { AppError } from '../../../shared/errors.ts';
import { MODELS_PATH } from '../../../shared/wire.ts';
import { SEQUENCES_ASSUMED, SEQUENCES_MAX } from './limits.ts';
import { type Facts, factsAs, readFacts, type ServerAccess } from './read-json.ts';

export interface ServerModel {
  readonly name: string;
  /** Of one request, as the server runs it now; null if it doesn't say. */
  readonly contextTokens: number | null;
  readonly quantisation: string | null;
  readonly parameterCount: number | null;
}

export interface ServerIdentity {
  readonly kind: EngineServerKind;
  readonly version: string | null;
  /** Concurrent answers. */
  readonly sequences: number;
  readonly models: readonly ServerModel[];
}

type Ask = (path: string) => Promise<Facts>;

const short = z.string().max(100);
const count = z.number().int().positive().max(1e15);

const modelsSchema = z.object({
  data: z
    .array(
      z.object({
        id: z.string().min(1).max(ENGINE_MODEL_NAME_CHARACTERS_MAX),
        owned_by: short.optional().catch(undefined),
        /** vLLM's. */
        max_model_len: count.optional().catch(undefined),
        /** llama-server's. */
        meta: z
          .object({
            n_ctx: count.optional().catch(undefined),
            n_params: count.optional().catch(undefined),
            ftype: short.optional().catch(undefined),
          })
          .nullish()
          .catch(null),
        /** Only Idlewatt's own gateways and providers have it. */
        asset: z.unknown().optional(),
      }),
    )
    .max(10_000),
});
type Listed = z.output<typeof modelsSchema>['data'][number];

const propsSchema = z.object({
  total_slots: count,
  build_info: short.optional().catch(undefined),
  default_generation_settings: z
    .object({ n_ctx: count.optional().catch(undefined) })
    .optional()
    .catch(undefined),
});
const versionSchema = z.object({ version: short });
const ollamaModelsSchema = z.object({
  models: z.array(
    z.object({
      name: z.string(),
      context_length: count.optional().catch(undefined),
      details: z
        .object({ quantization_level: short.optional().catch(undefined) })
        .optional()
        .catch(undefined),
    }),
  ),
});
const lmStudioModelsSchema = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      quantization: short.optional().catch(undefined),
      loaded_context_length: count.optional().catch(undefined),
    }),
  ),
});

/**
 * Fails with `not-permitted` if the server requires a key or rejects it, with `unsupported` if it isn't an engine server, with
 * `engine-failed` if it isn't ready, and as the connection does.
 */
export async function identify(access: ServerAccess): Promise<ServerIdentity> {
  const ask: Ask = (path) => readFacts(access, { method: 'GET', path });
  const facts = await ask(MODELS_PATH);
  if (facts.status === 401 || facts.status === 403) {
    throw new AppError('not-permitted', 'The engine requires another key.');
  }
  if (facts.status >= 500) throw new AppError('engine-failed', 'The engine isn’t ready.');
  const listed = factsAs(modelsSchema, facts)?.data.slice(0, ENGINE_SERVER_MODELS_MAX);
  if (listed === undefined) {
    throw new AppError('unsupported', 'No engine with OpenAI’s API answers at this address.');
  }
  if (listed.some(({ asset }) => asset !== undefined)) {
    throw new AppError(
      'unsupported',
      'This address sells on what others compute, so it can’t be served again.',
    );
  }
  const plain = listed.map(plainModel);
  return (
    (await asLlamaServer(ask, listed)) ??
    (await asVllm(ask, listed)) ??
    (await asOllama(ask, plain)) ??
    (await asLmStudio(ask, plain)) ?? {
      kind: 'other',
      version: null,
      sequences: SEQUENCES_ASSUMED,
      models: plain,
    }
  );
}

function plainModel({ id, meta, max_model_len }: Listed): ServerModel {
  return {
    name: id,
    contextTokens: max_model_len ?? meta?.n_ctx ?? null,
    quantisation: meta?.ftype ?? null,
    parameterCount: meta?.n_params ?? null,
  };
}

async function asLlamaServer(ask: Ask, listed: readonly Listed[]): Promise<ServerIdentity | null> {
  const props = factsAs(propsSchema, await ask('/props'));
  if (props === null) return null;
  const contextTokens = props.default_generation_settings?.n_ctx;
  return {
    kind: 'llama-server',
    version: props.build_info ?? null,
    sequences: Math.min(SEQUENCES_MAX, props.total_slots),
    models: listed.map((model) => {
      const plain = plainModel(model);
      return { ...plain, contextTokens: contextTokens ?? plain.contextTokens };
    }),
  };
}

async function asVllm(ask: Ask, listed: readonly Listed[]): Promise<ServerIdentity | null> {
  if (!listed.some(({ owned_by: owner }) => owner === 'vllm')) return null;
  const version = factsAs(versionSchema, await ask('/version'))?.version ?? null;
  return { kind: 'vllm', version, sequences: SEQUENCES_MAX, models: listed.map(plainModel) };
}

async function asOllama(ask: Ask, models: readonly ServerModel[]): Promise<ServerIdentity | null> {
  const version = factsAs(versionSchema, await ask('/api/version'))?.version;
  if (version === undefined) return null;
  const all = factsAs(ollamaModelsSchema, await ask('/api/tags'))?.models ?? [];
  // Only a loaded model has a context that is certain.
  const loaded = factsAs(ollamaModelsSchema, await ask('/api/ps'))?.models ?? [];
  return {
    kind: 'ollama',
    version,
    sequences: SEQUENCES_ASSUMED,
    models: models.map((model) => {
      const known = all.find(({ name }) => name === model.name);
      return {
        ...model,
        contextTokens: loaded.find(({ name }) => name === model.name)?.context_length ?? null,
        quantisation: known?.details?.quantization_level ?? null,
      };
    }),
  };
}

async function asLmStudio(ask: Ask, models: readonly ServerModel[]): Promise<ServerIdentity | null> {
  const all = factsAs(lmStudioModelsSchema, await ask('/api/v0/models'))?.data;
  if (all === undefined) return null;
  return {
    kind: 'lm-studio',
    version: null,
    sequences: SEQUENCES_ASSUMED,
    models: models.map((model) => {
      const known = all.find(({ id }) => id === model.name);
      return {
        ...model,
        contextTokens: known?.loaded_context_length ?? null,
        quantisation: known?.quantization ?? null,
      };
    }),
  };
}
