/**
 * The AI Horde, a network of volunteers who answer prompts for kudos: the owner's choices, what pages show of the worker,
 * and the kudos, which are a standing in that network and never money.
 */
import { z } from 'zod';
import { type Asset, amountTextSchema } from './money.ts';

/** Used where the owner names no other address, and never in practice. */
export const HORDE_URL = 'https://aihorde.net';
export const HORDE_MODELS_MAX = 8;
export const HORDE_KEY_CHARACTERS_MAX = 200;
export const HORDE_URL_CHARACTERS_MAX = 100;
/** Characters of a text of the server that are shown. */
export const HORDE_MESSAGE_CHARACTERS_MAX = 300;

/** HTTPS, because the API key is sent; HTTP on this machine only. */
export const HORDE_URL_FORM = /^(https:\/\/[a-z0-9.-]+|http:\/\/(127\.0\.0\.1|localhost))(:\d{1,5})?$/;
export const hordeUrlSchema = z.string().max(HORDE_URL_CHARACTERS_MAX).regex(HORDE_URL_FORM);

/** The server refuses names with these words. */
const REFUSED_WORDS = /colab|tpu|google/i;
export const hordeWorkerNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 _.-]{2,63}$/)
  .refine((name) => !REFUSED_WORDS.test(name), { message: 'must not contain colab, tpu or google' });

/** A model's name in the Horde's reference. */
export const HORDE_MODEL_NAME = /^[A-Za-z0-9][\w./:#@+-]{0,99}$/;
/** A model of this machine, and its name there. */
export const hordeModelSchema = z.object({
  id: z.string().min(1).max(300),
  name: z.string().regex(HORDE_MODEL_NAME),
});
export type HordeModel = z.infer<typeof hordeModelSchema>;
export const hordeModelsSchema = z
  .array(hordeModelSchema)
  .max(HORDE_MODELS_MAX)
  .refine((models) => new Set(models.map(({ id }) => id)).size === models.length, {
    message: 'must have different IDs',
  })
  .refine((models) => new Set(models.map(({ name }) => name)).size === models.length, {
    message: 'must have different names',
  });

export const HORDE_KEY = /^[\x21-\x7e]+$/;
export const hordeKeySchema = z.string().trim().regex(HORDE_KEY).max(HORDE_KEY_CHARACTERS_MAX);

const QUANTISATION = /[-_. ]?(i?q\d(_[a-z0-9]+)*|f16|f32|bf16)$/i;

/** Suggests a name: that of the model without its file type, as the Horde's reference writes it. */
export function suggestedHordeName(name: string): string {
  const plain = name
    .replace(/\.gguf$/i, '')
    .replace(QUANTISATION, '')
    .replaceAll(/[^\w./:#@+-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 100);
  return plain === '' ? 'model' : plain;
}

/** Kudos have two decimals here; the server's have more, which are cut off. */
const KUDOS_DECIMALS = 2;
const PREFIX = 'horde:';
const KUDOS = /^horde:[a-z0-9.:-]+\/kudos$/;

/** Name of a Horde where a job has the ID of its peer. */
export function hordePeer(url: string): string {
  return `${PREFIX}${url.replace(/^https?:\/\//, '')}`;
}

export function isHordePeer(peer: string): boolean {
  return peer.startsWith(PREFIX);
}

/** The kudos of one Horde. */
export function kudosAsset(peer: string): Asset {
  return { id: `${peer}/kudos`, symbol: 'kudos', decimals: KUDOS_DECIMALS, practice: false };
}

/** The asset if the ID is one of kudos; null otherwise. */
export function kudosOf(assetId: string): Asset | null {
  return KUDOS.test(assetId) ? kudosAsset(assetId.slice(0, assetId.lastIndexOf('/'))) : null;
}

/** Base units of a reward. */
export function kudosUnits(reward: number): bigint {
  return BigInt(Math.floor(reward * 10 ** KUDOS_DECIMALS));
}

export const HORDE_STATES = [
  'off',
  'no-address', // this profile has no Horde unless the owner names one
  'no-key',
  'no-model', // the owner chose none, or none of them is served
  'unmeasured', // the speed of the chosen models isn't known yet
  'too-slow', // no job would end in its time
  'paused', // as everything else on this machine
  'busy', // buyers of the own market use the machine
  'dropped', // too many jobs were dropped within the last hour
  'waiting', // asks for jobs; there are none, or none that fit
  'working',
  'key-refused',
  'anonymous', // the key of the anonymous account, which may not work
  'refused', // for a reason that the server names
  'maintenance', // the server, or the owner on its pages, has paused this worker
  'limited', // asked too often
  'unreachable',
  'malformed', // the server answers in a shape that isn't known
] as const;
export type HordeStateName = (typeof HORDE_STATES)[number];

/** Reasons for which the server passes over waiting requests. Any other counts as `other`. */
export const HORDE_SKIPS = [
  'models', // they are for other models
  'max_length', // they ask for longer answers
  'max_context_length', // they have longer prompts
  'nsfw', // they may be for adults only
  'untrusted', // they are for trusted workers
  'worker_id', // they name other workers
  'bridge_version', // they are for validated programs
  'performance', // they are for faster workers
  'kudos',
  'matching_softprompt',
  'other',
] as const;
export const hordeSkipSchema = z.enum(HORDE_SKIPS);
export type HordeSkip = z.infer<typeof hordeSkipSchema>;

/** The worker as pages show it. */
export const hordeStateSchema = z.object({
  /** Host of the server; null for none. */
  host: z.string().nullable(),
  hasKey: z.boolean(),
  workerName: z.string(),
  state: z.enum(HORDE_STATES),
  /** The server's own words for it, shortened; null for none. */
  message: z.string().nullable(),
  /** Waiting requests that the server passed over at the last poll, the most first. */
  skipped: z.array(z.object({ reason: hordeSkipSchema, jobs: z.number().int().positive() })),
  /** The models that are asked for, with what a job may have to end in its time. */
  models: z.array(
    hordeModelSchema.extend({ answerTokens: z.number().int(), contextTokens: z.number().int() }),
  ),
  /** Of this server, in hundredths. */
  kudos: amountTextSchema,
  /** Jobs that were not answered in the last hour. */
  dropped: z.number().int().nonnegative(),
});
export type HordeState = z.infer<typeof hordeStateSchema>;
