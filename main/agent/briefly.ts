/** Waits for what the start would like to have, and doesn't need. */
import type { Clock } from '../ports/clock.ts';

/** Resolves when the work is done or after this time, whichever is first. The work continues; its failure is the caller's. */
export async function waitBriefly(
  clock: Pick<Clock, 'after'>,
  waitMsMax: number,
  work: Promise<unknown>,
): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = clock.after(waitMsMax, () => late.resolve());
  await Promise.race([work.catch(() => undefined), late.promise]);
  timer.cancel();
}
