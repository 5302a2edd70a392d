/** Calls about the AI Horde. Its other choices are settings; what the worker does is in the section `horde`. */
import { oc } from '@orpc/contract';
import { z } from 'zod';
import { hordeKeySchema } from '../horde.ts';

export const hordeContract = {
  /** Stores the API key, which no page gets back, or removes it if null. */
  setKey: oc.input(z.object({ key: hordeKeySchema.nullable() })).output(z.object({})),
};
