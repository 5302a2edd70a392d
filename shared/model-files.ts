/** Kinds of model files: their uses, and the reasons why one can't be served or downloaded. Pages have a sentence for each. */
import { z } from 'zod';

/** `chat`: has a template for conversations. `text`: continues texts only. `embedding`: makes vectors only. */
export const modelUseSchema = z.enum(['chat', 'text', 'embedding']);
export type ModelUse = z.infer<typeof modelUseSchema>;

/** Uses that a publisher makes models for. */
export const modelStrengthSchema = z.enum(['chat', 'code', 'reasoning', 'embedding']);
export type ModelStrength = z.infer<typeof modelStrengthSchema>;
export const MODEL_STRENGTHS = modelStrengthSchema.options;

/**
 * Fits into the memory that a model is computed in: that of the GPUs, or the machine's where there is no GPU. `partly`: the GPUs
 * hold a part, and the CPU computes the rest.
 */
export const modelFitSchema = z.enum(['fits', 'tight', 'partly', 'does-not-fit', 'unknown']);
export type ModelFit = z.infer<typeof modelFitSchema>;

/**
 * Degrees to which a model suits this machine, from the best to the worst. `good`: fits and is fast enough. `best`: the first of
 * those that chat. `unmeasured`: fits, but its speed is unknown.
 */
export const modelSuitsSchema = z.enum([
  'best',
  'good',
  'unmeasured',
  'tight',
  'slow',
  'partly',
  'unknown',
  'not-chat',
  'test-only',
  'does-not-fit',
]);
export type ModelSuits = z.infer<typeof modelSuitsSchema>;

export const modelFileProblemSchema = z.enum([
  /** Not a GGUF file at all, for example a saved web page. */
  'no-gguf',
  /** Idlewatt has no permission to read it, or the disk fails. */
  'unreadable',
  'damaged',
  /** The file ends before its last weights. */
  'incomplete',
  /** One part of several. */
  'split',
  /** The part of a vision model that reads pictures (mmproj). */
  'vision-only',
  /** Extends another model and can't answer alone: a LoRA adapter or a draft model. */
  'addition',
  /** A tokenizer without weights. */
  'vocabulary-only',
  /** Sorts texts instead of answering. */
  'reranker',
  /** Makes speech or other sounds. */
  'speech',
  'unsupported-architecture',
  /** A parameter is missing or out of range. */
  'implausible',
]);
export type ModelFileProblem = z.infer<typeof modelFileProblemSchema>;

/** A file that can't be served. */
export const refusedFileSchema = z.object({
  fileName: z.string(),
  problem: modelFileProblemSchema,
  /** The architecture, or what exactly is wrong; empty if there is nothing to add. */
  detail: z.string(),
});
export type RefusedFile = z.infer<typeof refusedFileSchema>;

/** Reasons why a link leads to nothing that can be downloaded. */
export const hubProblemSchema = z.enum([
  'no-link',
  'other-host',
  'no-gguf-link',
  /** The hub doesn't tell a stranger which of the two. */
  'missing-or-private',
  'private',
  'gated',
  'disabled',
  'no-revision',
  'no-file',
  'no-gguf-files',
  'no-quantisation',
  'split',
  'unreachable',
  'busy',
  /** Malformed, too large or contradictory. */
  'bad-answer',
  'other-redirect',
]);
export type HubProblem = z.infer<typeof hubProblemSchema>;

export const HUB_LINK_CHARACTERS_MAX = 1_000;
/** Files of one repository that are offered to choose from. */
export const HUB_FILES_MAX = 200;

/** Reasons why a file of a repository can't be chosen: those of its name, size and checksum, before its header is read. */
export const hubFileProblemSchema = z.enum(['split', 'vision-only', 'no-checksum', 'absurd-size']);
export type HubFileProblem = z.infer<typeof hubFileProblemSchema>;

export const hubFileSchema = z.object({
  /** Link to this file at the commit that was looked up. */
  link: z.string(),
  path: z.string(),
  sizeBytes: z.number().int(),
  problem: hubFileProblemSchema.nullable(),
});
export type HubFile = z.infer<typeof hubFileSchema>;

/** A file as the owner sees it before the download. */
export const hubModelSchema = z.object({
  link: z.string(),
  repo: z.string(),
  /** Commit. */
  revision: z.string(),
  path: z.string(),
  sizeBytes: z.number().int(),
  sha256: z.string(),
  name: z.string(),
  publisher: z.string(),
  /** As the publisher names it; empty if it doesn't. */
  license: z.string(),
  parameters: z.string(),
  quantisation: z.string(),
  contextTokens: z.number().int(),
  fit: modelFitSchema,
  use: modelUseSchema.nullable(),
  problem: modelFileProblemSchema.nullable(),
  detail: z.string(),
});
export type HubModel = z.infer<typeof hubModelSchema>;

export const hubAnswerSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('refused'), problem: hubProblemSchema, detail: z.string() }),
  z.object({
    kind: z.literal('files'),
    repo: z.string(),
    revision: z.string(),
    license: z.string(),
    files: z.array(hubFileSchema),
  }),
  z.object({ kind: z.literal('model'), model: hubModelSchema }),
]);
export type HubAnswer = z.infer<typeof hubAnswerSchema>;
