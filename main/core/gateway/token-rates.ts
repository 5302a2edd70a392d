/**
 * Compares tokens per byte across the providers of one model file. The same file makes about as many tokens of a byte
 * everywhere, so a provider that bills far more than the others is not counting honestly.
 */

export interface TokenSample {
  readonly inputTokens: number;
  readonly inputBytes: number;
  readonly outputTokens: number;
  readonly outputBytes: number;
}

export interface TokenRates {
  /** Adds a response; returns true if its provider bills far more tokens per byte than the others. */
  add(peer: string, sha256: string, sample: TokenSample): boolean;
}

interface Sums {
  tokens: number;
  bytes: number;
}

interface PeerSums {
  readonly input: Sums;
  readonly output: Sums;
}

/** Below this sum the texts differ more than the counts. */
const BYTES_MIN = 20_000;
/** Texts differ in language and kind; honest providers of one buyer stay well below this factor. */
const FACTOR_MAX = 1.6;
/** Providers to compare with: a single one may itself be the one that miscounts. */
const OTHERS_MIN = 2;
/** Pairs of provider and model file that are remembered. */
const PAIRS_MAX = 2_000;

export function createTokenRates(): TokenRates {
  /** By model file, then by peer; the pair without a response for the longest time comes first. */
  const pairs = new Map<
    string,
    { readonly peer: string; readonly sha256: string; readonly sums: PeerSums }
  >();

  function sumsOf(peer: string, sha256: string): PeerSums {
    const key = `${sha256} ${peer}`;
    const pair = pairs.get(key) ?? { peer, sha256, sums: { input: empty(), output: empty() } };
    pairs.delete(key);
    pairs.set(key, pair);
    const stalest = pairs.size > PAIRS_MAX ? pairs.keys().next().value : undefined;
    if (stalest !== undefined) pairs.delete(stalest);
    return pair.sums;
  }

  return {
    add(peer, sha256, sample) {
      const own = sumsOf(peer, sha256);
      count(own.input, sample.inputTokens, sample.inputBytes);
      count(own.output, sample.outputTokens, sample.outputBytes);
      const others = [...pairs.values()].filter((pair) => pair.sha256 === sha256 && pair.peer !== peer);
      return (['input', 'output'] as const).some((side) =>
        isFarAbove(
          own[side],
          others.map(({ sums }) => sums[side]),
        ),
      );
    },
  };
}

function empty(): Sums {
  return { tokens: 0, bytes: 0 };
}

function count(sums: Sums, tokens: number, bytes: number): void {
  sums.tokens += tokens;
  sums.bytes += bytes;
}

function isFarAbove(own: Sums, others: readonly Sums[]): boolean {
  if (own.bytes < BYTES_MIN) return false;
  const rates = others.filter(({ bytes }) => bytes >= BYTES_MIN).map(({ tokens, bytes }) => tokens / bytes);
  if (rates.length < OTHERS_MIN) return false;
  // The lower median: half of the providers would have to miscount together.
  const usual = rates.sort((a, b) => a - b)[Math.floor((rates.length - 1) / 2)] ?? 0;
  return own.tokens / own.bytes > usual * FACTOR_MAX;
}
