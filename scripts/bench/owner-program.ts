/** The owner's program in `handback`: counts as fast as it can for the requested time, at normal priority. */

process.on('message', (durationMs: number) => {
  const endMs = performance.now() + durationMs;
  let rounds = 0;
  let state = 1;
  while (performance.now() < endMs) {
    for (let step = 0; step < 20_000; step++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
    }
    rounds += 1;
  }
  // Sending the state prevents the compiler from removing the loop.
  process.send?.({ rounds, state });
});
process.on('disconnect', () => process.exit(0));
