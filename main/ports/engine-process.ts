/**
 * The language between the engine's supervisor and its child process, and that process as the supervisor
 * sees it: the core supervises, an adapter spawns, and both ends validate against these schemas.
 */
import { z } from 'zod';
import { sandboxReportSchema } from '../../shared/sandbox.ts';

const count = z.number().int().nonnegative();

const messageSchema = z.object({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.string(),
});

/** A {@link import('./engine.ts').GenerateRequest} as it crosses to the child. */
export const generateRequestSchema = z.object({
  prompt: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('chat'),
      messages: z.array(messageSchema).min(1),
      continuesLast: z.boolean().exactOptional(),
    }),
    z.object({ kind: z.literal('text'), text: z.string() }),
  ]),
  maxTokens: z.number().int().positive(),
  temperature: z.number().min(0).max(10),
  topP: z.number().min(0).max(1),
  seed: z.number().int().min(0).max(0xffff_ffff).nullable(),
  stop: z.array(z.string().min(1)).max(4),
});

/** What the supervisor tells the child. `id` and `request` are the supervisor's own numbers. */
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
  /** Share of the time in which it computes, in percent; the rest it rests between two steps. */
  z.object({ type: z.literal('duty'), percent: z.number().int().min(1).max(100) }),
  z.object({ type: z.literal('exit') }),
]);
export type EngineCommand = z.infer<typeof engineCommandSchema>;

/** The child's expected failures; its message never quotes a prompt. */
const failureSchema = z.object({
  code: z.enum(['bad-request', 'context-exceeded', 'model-unavailable', 'engine-failed']),
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
});
export type EngineFailure = z.infer<typeof failureSchema>;

/** One step of one generation. */
export const engineEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('start'), id: count, inputTokens: count }),
  z.object({ type: z.literal('text'), id: count, text: z.string(), tokens: z.array(count) }),
  z.object({
    type: z.literal('end'),
    id: count,
    reason: z.enum(['stop', 'length', 'aborted']),
    inputTokens: count,
    outputTokens: count,
    prefillMs: z.number().nonnegative(),
    decodeMs: z.number().nonnegative(),
    cpu: z.object({ prefillMs: z.number().nonnegative(), decodeMs: z.number().nonnegative() }).optional(),
  }),
  z.object({ type: z.literal('failed'), id: count, failure: failureSchema }),
]);
export type EngineEvent = z.infer<typeof engineEventSchema>;

/** What the loaded model turned out to be. */
export const loadedReportSchema = z.object({
  contextTokens: z.number().int().positive(),
  sequences: z.number().int().positive(),
  threads: z.number().int().positive(),
  backend: z.string(),
  loadMs: z.number().nonnegative(),
  quantisation: z.string(),
  parameterCount: count.nullable(),
  sandbox: sandboxReportSchema,
});
export type LoadedReport = z.infer<typeof loadedReportSchema>;

/** What the child tells the supervisor. Events of one decoding step travel together. */
export const engineReportSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('loaded'), request: count, report: loadedReportSchema }),
  z.object({ type: z.literal('unloaded'), request: count }),
  z.object({ type: z.literal('failed'), request: count, failure: failureSchema }),
  z.object({ type: z.literal('events'), events: z.array(engineEventSchema).min(1) }),
]);
export type EngineReport = z.infer<typeof engineReportSchema>;

/** A running engine process. */
export interface EngineProcess {
  readonly pid: number;
  /** Queues a message; silently dropped when the process is gone, since `onExit` tells. */
  send(command: EngineCommand): void;
  /** Called with each raw message; the supervisor validates it. */
  onMessage(listener: (message: unknown) => void): void;
  /** Called once, with one plain sentence on why it ended. */
  onExit(listener: (cause: string) => void): void;
  /** Ends it at once (SIGKILL). */
  kill(): void;
}

/** Which graphics cards an engine process may use; a process keeps its choice. */
export type GraphicsChoice =
  /** All that there are. */
  | { readonly kind: 'all' }
  /** The processor alone. */
  | { readonly kind: 'none' }
  /** These NVIDIA cards and no other card, by their driver's ids. */
  | { readonly kind: 'some'; readonly uuids: readonly string[] };

/** Starts an engine process. */
export type SpawnEngine = () => EngineProcess;
