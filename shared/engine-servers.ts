/**
 * Engine servers: programs of the owner's that run models and answer OpenAI's API, on this machine or in the local
 * network. What the owner stores about them, and what pages show.
 */
import { z } from 'zod';
import { isLocalAddress } from './local-address.ts';
import { MODEL_FEATURES } from './model-features.ts';

export const ENGINE_SERVER_KINDS = ['llama-server', 'ollama', 'lm-studio', 'vllm', 'other'] as const;
export type EngineServerKind = (typeof ENGINE_SERVER_KINDS)[number];

/** Ports of this machine on which engine servers usually listen: of Ollama, LM Studio, llama-server and vLLM. */
export const USUAL_ENGINE_PORTS: readonly number[] = [11_434, 1_234, 8_080, 8_000];

/** Servers of one owner. */
export const ENGINE_SERVERS_MAX = 8;
/** Models of one server that are listed and may be served. */
export const ENGINE_SERVER_MODELS_MAX = 200;
export const ENGINE_MODEL_NAME_CHARACTERS_MAX = 300;
export const ENGINE_URL_CHARACTERS_MAX = 300;
export const ENGINE_KEY_CHARACTERS_MAX = 500;

const modelNameSchema = z.string().min(1).max(ENGINE_MODEL_NAME_CHARACTERS_MAX);

export const engineServerSchema = z.object({
  /** Begins the IDs of its models, for example `ollama` in `ollama/llama3.2:3b`. */
  id: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/),
  kind: z.enum(ENGINE_SERVER_KINDS),
  /** Without the final `/v1`. */
  url: z
    .string()
    .max(ENGINE_URL_CHARACTERS_MAX)
    .regex(/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/),
  /** The IP address that the host of the URL had when the owner added it. Only this one is ever contacted. */
  address: z
    .string()
    .refine(isLocalAddress, { message: 'must be an address of this machine or its network' }),
  /** Tells apart models of the same name on other machines. */
  nonce: z.string().regex(/^[0-9a-f]{32}$/),
  /** Models that the owner chose to serve, by the server's names. */
  models: z.array(modelNameSchema).max(ENGINE_SERVER_MODELS_MAX),
});
export type EngineServer = z.infer<typeof engineServerSchema>;

export const engineServersSchema = z
  .array(engineServerSchema)
  .max(ENGINE_SERVERS_MAX)
  .refine((servers) => new Set(servers.map(({ id }) => id)).size === servers.length, {
    message: 'must have different IDs',
  });

/** Returns whether a model of this ID belongs to an engine server: IDs of files have no slash. */
export function isEngineServerModel(id: string): boolean {
  return /^[a-z][a-z0-9-]{0,39}\/./.test(id);
}

/** One server as pages show it. */
export const engineServerStateSchema = z.object({
  id: z.string(),
  kind: z.enum(ENGINE_SERVER_KINDS),
  url: z.string(),
  address: z.string(),
  hasKey: z.boolean(),
  /** True if it runs on this machine. */
  isHere: z.boolean(),
  /** True if it frees its memory when Idlewatt asks for that. */
  canUnload: z.boolean(),
  /** `unknown` before the first check. */
  state: z.enum(['unknown', 'reachable', 'unreachable', 'refused']),
  version: z.string().nullable(),
  models: z.array(
    z.object({
      /** The ID in offers. */
      id: z.string(),
      /** The server's own name. */
      name: z.string(),
      contextTokens: z.number().int().nullable(),
      quantisation: z.string().nullable(),
      /** Features that its answers have shown; null before it was served. */
      features: z.array(z.enum(MODEL_FEATURES)).nullable(),
      /** The reason why it can't be served, in one sentence; null if it can, or wasn't tried. */
      problem: z.string().nullable(),
      active: z.boolean(),
      decodeTokensPerSecond: z.number().nullable(),
    }),
  ),
});
export type EngineServerState = z.infer<typeof engineServerStateSchema>;

/** A server that answered on a usual port and isn't added yet. */
export const foundEngineServerSchema = z.object({
  url: z.string(),
  kind: z.enum(ENGINE_SERVER_KINDS),
  version: z.string().nullable(),
  models: z.number().int().nonnegative(),
  /** True if it requires a key before it lists its models. */
  needsKey: z.boolean(),
});
export type FoundEngineServer = z.infer<typeof foundEngineServerSchema>;
