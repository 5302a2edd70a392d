/** The owner's program in `handback`: counts as fast as it can for as long as it is told, at normal priority. */

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
  // The state goes along, so that nothing of the loop can be left out.
  process.send?.({ rounds, state });
});
process.on('disconnect', () => process.exit(0));
