/** States of a machine over an hour. */
import { z } from 'zod';

/** `waiting`: the owner used it, or a rule of the owner kept it free. `paused`: the owner paused Idlewatt. */
export const doingSchema = z.enum(['working', 'ready', 'waiting', 'paused']);
export type Doing = z.infer<typeof doingSchema>;
