/**
 * Verifies signatures of contract wallets (ERC-1271) by the contract's own function, on the chain. Strangers cause these
 * queries, so that they are limited, and their results are remembered for a while.
 */
import { TypedDataEncoder, type TypedDataField } from 'ethers';
import { isAppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ChainReader, Hex, TypedData, VerifyByContract } from '../../ports/evm.ts';

const ABI = ['function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)'];
const ACCEPTED = '0x1626ba7e';
/** A contract's owners can change, and with them what it accepts. */
const ACCEPTED_MS = 3_600_000;
const REFUSED_MS = 600_000;
const REMEMBERED_MAX = 500;
const QUERIES_PER_MINUTE = 30;
const MINUTE_MS = 60_000;

export function createContractSignatures(
  reader: Pick<ChainReader, 'getCode' | 'readContract'>,
  clock: Pick<Clock, 'monotonic'>,
): VerifyByContract {
  /** Ends of the times for which results count, by question. Apart, so that refused ones never replace accepted ones. */
  const remembered = { accepted: new Map<string, number>(), refused: new Map<string, number>() };
  let minute = { startMs: Number.NEGATIVE_INFINITY, queries: 0 };

  function isAllowed(nowMs: number): boolean {
    if (nowMs - minute.startMs >= MINUTE_MS) minute = { startMs: nowMs, queries: 0 };
    minute.queries += 1;
    return minute.queries <= QUERIES_PER_MINUTE;
  }

  return async (address, data, signature) => {
    const nowMs = clock.monotonic();
    const digest = digestOf(data);
    if (digest === null) return 'refused';
    const key = [address.toLowerCase(), digest, signature.toLowerCase()].join(' ');
    for (const known of ['accepted', 'refused'] as const) {
      if (nowMs < (remembered[known].get(key) ?? 0)) return known;
    }
    if (!isAllowed(nowMs)) return 'unknown';
    const result = await query(reader, address as Hex, [digest, signature]);
    // A chain that doesn't answer is asked again.
    if (result === 'unknown') return result;
    const results = remembered[result];
    results.delete(key);
    if (results.size >= REMEMBERED_MAX) results.delete(results.keys().next().value ?? '');
    results.set(key, nowMs + (result === 'accepted' ? ACCEPTED_MS : REFUSED_MS));
    return result;
  };
}

async function query(
  reader: Pick<ChainReader, 'getCode' | 'readContract'>,
  address: Hex,
  args: readonly unknown[],
): ReturnType<VerifyByContract> {
  try {
    const code = await reader.getCode({ address });
    if (code === undefined || code === '0x') return 'refused';
    const answer = await reader.readContract({ address, abi: ABI, functionName: 'isValidSignature', args });
    return answer === ACCEPTED ? 'accepted' : 'refused';
  } catch (error) {
    // The others: the contract has no such function, or refuses by reverting.
    return isAppError(error, 'chain-unavailable', 'chain-mismatch') ? 'unknown' : 'refused';
  }
}

/** Null for data that can't be signed, for example an address with a wrong checksum. */
function digestOf({ domain, types, message }: TypedData): string | null {
  try {
    return TypedDataEncoder.hash(domain, types as Record<string, TypedDataField[]>, message);
  } catch {
    return null;
  }
}
