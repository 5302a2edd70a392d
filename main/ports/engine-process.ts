/**
 * Messages between the engine's supervisor and its child process, and the process as the supervisor sees it.
 * The core supervises, an adapter spawns, and both ends validate against these schemas.
 */
import { z } from 'zod';
import { appliedSamplingSchema, seedSchema } from '../../shared/applied-sampling.ts';
import { GRAPHICS_BACKENDS, graphicsProblemSchema } from '../../shared/graphics-problems.ts';
import { MODEL_FEATURES } from '../../shared/model-features.ts';
import { sandboxReportSchema } from '../../shared/sandbox.ts';

const count = z.number().int().nonnegative();

const toolCallSchema = z.object({ id: z.string(), name: z.string(), arguments: z.string() });
const messageSchema = z.object({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z.string(),
  name: z.string().exactOptional(),
  reasoning: z.string().exactOptional(),
  toolCalls: z.array(toolCallSchema).readonly().exactOptional(),
  toolCallId: z.string().exactOptional(),
});
const jsonObjectSchema = z.record(z.string(), z.unknown());
const toolSchema = z.object({
  name: z.string(),
  description: z.string().exactOptional(),
  parameters: jsonObjectSchema.exactOptional(),
  strict: z.boolean().exactOptional(),
});
const toolChoiceSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('auto') }),
  z.object({ kind: z.literal('required') }),
  z.object({ kind: z.literal('name'), name: z.string() }),
]);

/** More than any context has room for. */
const CLAIMED_TOKENS_MAX = 1_000_000;

/** A {@link import('./engine.ts').GenerateRequest} as sent to the child. */
export const generateRequestSchema = z
  .object({
    prompt: z.discriminatedUnion('kind', [
      z.object({
        kind: z.literal('chat'),
        messages: z.array(messageSchema).min(1).readonly(),
        continuesLast: z.boolean().exactOptional(),
        tools: z.array(toolSchema).readonly().exactOptional(),
        toolChoice: toolChoiceSchema.exactOptional(),
        isSingleCall: z.boolean().exactOptional(),
        isUnthinking: z.boolean().exactOptional(),
      }),
      z.object({ kind: z.literal('text'), text: z.string() }),
      z.object({ kind: z.literal('embed'), texts: z.array(z.string()).readonly() }),
    ]),
    /** 0 only for embeddings and claimed tokens. */
    maxTokens: count,
    temperature: z.number().min(0).max(10),
    topP: z.number().min(0).max(1),
    seed: seedSchema.nullable(),
    stop: z.array(z.string().min(1)).max(4).readonly(),
    sampling: z
      .object({
        topK: count.exactOptional(),
        minP: z.number().min(0).max(1).exactOptional(),
        frequencyPenalty: z.number().exactOptional(),
        presencePenalty: z.number().exactOptional(),
        repeatPenalty: z.number().positive().exactOptional(),
        logitBias: z
          .array(z.tuple([count, z.number()]).readonly())
          .readonly()
          .exactOptional(),
      })
      .exactOptional(),
    json: z
      .discriminatedUnion('kind', [
        z.object({ kind: z.literal('object') }),
        z.object({
          kind: z.literal('schema'),
          name: z.string(),
          schema: jsonObjectSchema,
          isStrict: z.boolean(),
        }),
      ])
      .nullable()
      .exactOptional(),
    topLogprobs: count.nullable().exactOptional(),
    requester: z.string().min(1).max(200).nullable().exactOptional(),
    claimedTokens: z
      .array(z.number().int().min(0).max(0x7fff_ffff))
      .min(1)
      .max(CLAIMED_TOKENS_MAX)
      .readonly()
      .exactOptional(),
  })
  .refine(
    ({ prompt, maxTokens, claimedTokens }) =>
      maxTokens > 0 || prompt.kind === 'embed' || claimedTokens !== undefined,
    { error: 'nothing to generate' },
  );

/** Commands from the supervisor to the child. `id` and `request` are assigned by the supervisor. */
export const engineCommandSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('load'),
    request: count,
    path: z.string().min(1),
    contextTokens: z.number().int().positive(),
    sequences: z.number().int().positive().max(64),
    threads: z.number().int().positive().max(512),
    graphicsMemoryBytesMax: count.nullable(),
  }),
  z.object({ type: z.literal('unload'), request: count }),
  z.object({ type: z.literal('generate'), id: count, request: generateRequestSchema }),
  z.object({ type: z.literal('abort'), id: count }),
  /** Percent of time in which the engine computes; it rests between two steps for the remaining time. */
  z.object({ type: z.literal('duty'), percent: z.number().int().min(1).max(100) }),
  /** Threads that a step may use at most, below those of `load`; null: those. */
  z.object({ type: z.literal('threads'), max: z.number().int().positive().nullable() }),
  z.object({ type: z.literal('exit') }),
]);
export type EngineCommand = z.infer<typeof engineCommandSchema>;

/** Expected failures of the child. The message never quotes a prompt. */
const failureSchema = z.object({
  code: z.enum(['bad-request', 'context-exceeded', 'model-unavailable', 'engine-failed']),
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
});
export type EngineFailure = z.infer<typeof failureSchema>;

const probabilitySchema = z.object({
  token: z.string(),
  bytes: z.array(count).readonly(),
  logprob: z.number(),
});

/** Event of one generation. */
export const engineEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('start'),
    id: count,
    inputTokens: count,
    cachedTokens: count.optional(),
    sampling: appliedSamplingSchema.optional(),
  }),
  z.object({
    type: z.literal('text'),
    id: count,
    text: z.string(),
    tokens: z.array(count),
    reasoning: z.string().exactOptional(),
    toolCalls: z
      .array(
        z.object({
          index: count,
          id: z.string().exactOptional(),
          name: z.string().exactOptional(),
          arguments: z.string(),
        }),
      )
      .readonly()
      .exactOptional(),
    logprobs: z
      .array(probabilitySchema.extend({ top: z.array(probabilitySchema).readonly() }))
      .readonly()
      .exactOptional(),
  }),
  z.object({ type: z.literal('vectors'), id: count, vectors: z.array(z.string()).readonly() }),
  z.object({ type: z.literal('gaps'), id: count, gaps: z.array(z.number().min(0)).readonly() }),
  z.object({
    type: z.literal('end'),
    id: count,
    reason: z.enum(['stop', 'length', 'tool_calls', 'aborted']),
    inputTokens: count,
    cachedTokens: count.optional(),
    readTokens: count.optional(),
    outputTokens: count,
    prefillMs: z.number().nonnegative(),
    decodeMs: z.number().nonnegative(),
    cpu: z.object({ prefillMs: z.number().nonnegative(), decodeMs: z.number().nonnegative() }).optional(),
  }),
  z.object({ type: z.literal('failed'), id: count, failure: failureSchema }),
]);
export type EngineEvent = z.infer<typeof engineEventSchema>;

/** Properties of the model after loading. */
export const loadedReportSchema = z.object({
  contextTokens: z.number().int().positive(),
  sequences: z.number().int().positive(),
  /** Null if the engine doesn't report it. */
  threads: z.number().int().positive().nullable(),
  backend: z.string(),
  loadMs: z.number().nonnegative(),
  quantisation: z.string(),
  parameterCount: count.nullable(),
  features: z.array(z.enum(MODEL_FEATURES)).exactOptional(),
  sandbox: sandboxReportSchema,
  graphicsProblems: z.array(graphicsProblemSchema).max(GRAPHICS_BACKENDS.length).exactOptional(),
});
export type LoadedReport = z.infer<typeof loadedReportSchema>;

/** Reports from the child to the supervisor. Events of one decode step are sent together. */
export const engineReportSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('loaded'), request: count, report: loadedReportSchema }),
  z.object({ type: z.literal('unloaded'), request: count }),
  z.object({ type: z.literal('failed'), request: count, failure: failureSchema }),
  z.object({ type: z.literal('events'), events: z.array(engineEventSchema).min(1) }),
]);
export type EngineReport = z.infer<typeof engineReportSchema>;

/** A running engine process. */
export interface EngineProcess {
  /** Null for an engine server, which is no process of Idlewatt's. */
  readonly pid: number | null;
  /** Queues a message; dropped silently if the process is gone, because `onExit` reports that. */
  send(command: EngineCommand): void;
  /** Calls the listener with each raw message; the supervisor validates it. */
  onMessage(listener: (message: unknown) => void): void;
  /** Calls the listener once, with the cause as a short phrase, e.g. `exited with code 1`. */
  onExit(listener: (cause: string) => void): void;
  /** Ends the process immediately (SIGKILL). */
  kill(): void;
}

/** GPUs that an engine process may use; fixed for the life of the process. */
export type GraphicsChoice =
  /** All GPUs. */
  | { readonly kind: 'all' }
  /** The CPU only. */
  | { readonly kind: 'none' }
  /** Only these NVIDIA GPUs, by the IDs of their driver. */
  | { readonly kind: 'some'; readonly uuids: readonly string[] };

/** Libraries for GPUs that aren't part of this copy of Idlewatt, in folders that the engine may read. */
export interface LibraryFolders {
  /** The npm package with a build of the engine, and its folder. */
  readonly packageName: string;
  readonly packageFolder: string;
  /** Folders in which the system's loader looks for what the build needs. */
  readonly libraries: readonly string[];
}

/** Starts an engine process. */
export type SpawnEngine = () => EngineProcess;
