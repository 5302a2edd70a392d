/** The calendar periods that sums are shown for, each up to now, in the owner's time zone. Weeks begin on Monday. */
import { z } from 'zod';

export const periodSchema = z.enum(['today', 'week', 'month', 'year']);
export type Period = z.infer<typeof periodSchema>;
