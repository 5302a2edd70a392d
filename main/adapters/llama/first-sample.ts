/**
 * Samples the first token of a mixed batch before all others. llama.cpp computes sequences of unequal lengths in several
 * parts and restores the order of the results with the first read, which isn't safe in several threads; the library
 * samples all sequences of a batch concurrently. Without this, tokens are drawn from the results of other sequences.
 */

/** The private part of the library's context that is called for each batch. */
interface NativeContext {
  initBatch(size: number): void;
  addToBatch(sequence: number, first: number, tokens: Uint32Array, logits: Uint32Array): unknown;
  sampleToken(...values: unknown[]): Promise<unknown>;
}

/** Returns false if this version of the library samples otherwise. */
export function sampleFirstAlone(context: object): boolean {
  const native = (context as { _ctx?: Partial<NativeContext> })._ctx;
  const { initBatch, addToBatch, sampleToken } = native ?? {};
  if (native === undefined || !initBatch || !addToBatch || !sampleToken) return false;
  // With one token of each sequence, as in most steps, the results are in order.
  let isMixed = false;
  let first: Promise<unknown> | null = null;
  // The library's own methods are read-only on their prototype.
  const replace = <N extends keyof NativeContext>(name: N, value: NativeContext[N]) =>
    Object.defineProperty(native, name, { value });
  replace('initBatch', (size) => {
    isMixed = false;
    first = null;
    initBatch.call(native, size);
  });
  replace('addToBatch', (...item) => {
    if (item[2].length > 1) isMixed = true;
    return addToBatch.call(native, ...item);
  });
  replace('sampleToken', (...values) => {
    const sample = () => sampleToken.call(native, ...values);
    if (!isMixed) return sample();
    if (first !== null) return first.then(sample, sample);
    first = sample();
    return first;
  });
  return true;
}
