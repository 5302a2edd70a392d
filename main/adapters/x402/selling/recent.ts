/** Stores what was computed for the last few texts: a payment is looked at several times before it is admitted. */
import type { RecoverSigner } from '../../../ports/evm.ts';
import { PAYMENT_HEADER_BYTES_MAX } from '../wire.ts';

/** Payments of requests that arrive meanwhile. */
const RECENT_MAX = 64;

/**
 * Returns the result for a text, the same object for the same text while it is among the last {@link RECENT_MAX}. `compute`
 * must depend on nothing but the text, and nobody may change its result. A longer text than any payment isn't stored.
 */
export type Recent<Result> = (text: string, compute: () => Result) => Result;

export function createRecent<Result>(): Recent<Result> {
  const results = new Map<string, { readonly result: Result }>();
  return (text, compute) => {
    const known = results.get(text);
    if (known !== undefined) return known.result;
    const result = compute();
    if (text.length > PAYMENT_HEADER_BYTES_MAX) return result;
    const [oldest] = results.keys();
    if (oldest !== undefined && results.size >= RECENT_MAX) results.delete(oldest);
    results.set(text, { result });
    return result;
  };
}

/**
 * Recovers the signer of the same digest and signature once: a voucher is verified on its arrival and again before its
 * answer. The digest covers chain, contract and content, so that a change of any of them is another signature to verify.
 */
export function recoverOnce(recoverSigner: RecoverSigner): RecoverSigner {
  const recent = createRecent<ReturnType<RecoverSigner>>();
  return (digest, signature) =>
    recent(`${Buffer.from(digest).toString('hex')} ${signature}`, () => recoverSigner(digest, signature));
}
