/** Runs work on many items, several at a time. */

/** Runs up to `streams` at a time, and returns the results in the order of the items. */
export async function inStreams<T, R>(
  items: readonly T[],
  streams: number,
  run: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const work = async () => {
    for (const [index, item] of queue) results[index] = await run(item);
  };
  await Promise.all(Array.from({ length: streams }, work));
  return results;
}
