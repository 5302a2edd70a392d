/** Shards of the hints about changed offers: a machine hears only those of the models that it buys. */

/** Each is the first hexadecimal digit of model files' SHA-256. */
export const OFFER_SHARDS: ReadonlySet<string> = new Set('0123456789abcdef');

/** The shard of a model file; `sha256`: in hex. */
export function offerShardOf(sha256: string): string {
  return sha256.slice(0, 1).toLowerCase();
}
