/** Calls about engine servers: finding them, adding and removing them, and serving their models. */
import { oc } from '@orpc/contract';
import { z } from 'zod';
import {
  ENGINE_KEY_CHARACTERS_MAX,
  ENGINE_MODEL_NAME_CHARACTERS_MAX,
  ENGINE_URL_CHARACTERS_MAX,
  foundEngineServerSchema,
} from '../engine-servers.ts';

const nothing = z.object({});
const idSchema = z.string().max(60);

export const enginesContract = {
  /** Asks the usual ports of this machine, and each added server for its models. Adds nothing. */
  search: oc.input(nothing).output(z.object({ found: z.array(foundEngineServerSchema) })),
  add: oc
    .input(
      z.object({
        url: z.string().min(1).max(ENGINE_URL_CHARACTERS_MAX),
        /** Sent to this server only; null if it requires none. */
        key: z
          .string()
          .min(1)
          .max(ENGINE_KEY_CHARACTERS_MAX)
          .regex(/^[\x21-\x7e]+$/)
          .nullable(),
      }),
    )
    .output(z.object({ id: z.string() })),
  /** Removes it with its key. If one of its models is served, the default model takes its place. */
  remove: oc.input(z.object({ id: idSchema })).output(nothing),
  /** Makes this the served model. */
  serve: oc
    .input(z.object({ id: idSchema, model: z.string().max(ENGINE_MODEL_NAME_CHARACTERS_MAX) }))
    .output(nothing),
};
