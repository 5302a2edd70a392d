/** Random numbers that a run can repeat. */

/** Returns Park and Miller's generator, 0 to 1, so that a run's times can be reproduced. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
