/**
 * Counts the bytes that each peer of a relay has bought and used. Used ones are stored in whole blocks before they are forwarded,
 * so that no restart gives anything away.
 */
import { assert } from '../../../shared/assert.ts';
import { RELAY_GRACE_BYTES, type RelayAllowance, relayAllowanceSchema } from '../../../shared/relaying.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RelayMeter } from '../../ports/network.ts';
import { storageFaultOf } from '../../ports/storage.ts';
import { type Durability, IMMEDIATE, type RecordStore } from '../../ports/store.ts';

const COLLECTION = 'relay-allowance';
/** Bytes after which the use of a peer that has paid is stored. */
const BLOCK_BYTES = 250_000;
/** Peers whose bytes are in memory; the ones without traffic for the longest time are left to the disk, or forgotten. */
const PEERS_MAX = 20_000;
const HOUR_MS = 3_600_000;
/** Bytes of all peers beyond what they paid, within an hour: a new key costs nothing, and gets a grace of its own. */
const UNPAID_BYTES_PER_HOUR = 1_000_000_000;

interface Account {
  boughtBytes: number;
  usedBytes: number;
  /** As stored; 0 for a peer that never paid, which isn't stored. */
  storedBytes: number;
}

export interface Allowances extends RelayMeter {
  of(peer: string): RelayAllowance;
  /** Adds bytes that the peer has paid for. Stored when it returns, as far as the store defers nothing. */
  add(peer: string, bytes: number): void;
}

export interface AllowancesParts {
  readonly records: RecordStore;
  /** Defers the records of bytes. Default: each is on disk immediately. */
  readonly durability?: Durability;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly unpaidBytesPerHour?: number;
}

export function createAllowances(parts: AllowancesParts): Allowances {
  const { records, clock, durability = IMMEDIATE, unpaidBytesPerHour = UNPAID_BYTES_PER_HOUR } = parts;
  const accounts = new Map<string, Account>();
  const unpaid = { hour: 0, bytes: 0 };

  function read(peer: string): Account {
    const text = records.get(COLLECTION, peer);
    if (text === null) return { boughtBytes: 0, usedBytes: 0, storedBytes: 0 };
    const stored = relayAllowanceSchema.parse(JSON.parse(text));
    return { ...stored, storedBytes: stored.usedBytes };
  }

  function write(peer: string, account: Account): void {
    const usedBytes = Math.ceil(account.usedBytes / BLOCK_BYTES) * BLOCK_BYTES;
    records.set(COLLECTION, peer, JSON.stringify({ boughtBytes: account.boughtBytes, usedBytes }));
    account.storedBytes = usedBytes;
  }

  /** The peer's account, which is the newest in memory from then on. */
  function touch(peer: string): Account {
    const account = accounts.get(peer) ?? read(peer);
    accounts.delete(peer);
    accounts.set(peer, account);
    const [oldest] = accounts.keys();
    if (accounts.size > PEERS_MAX && oldest !== undefined) accounts.delete(oldest);
    return account;
  }

  function unpaidNow(): number {
    const hour = Math.floor(clock.monotonic() / HOUR_MS);
    if (hour !== unpaid.hour) Object.assign(unpaid, { hour, bytes: 0 });
    return unpaid.bytes;
  }

  /** Bytes of the next ones that nobody has paid for. */
  function beyond({ boughtBytes, usedBytes }: Account, bytes: number): number {
    return Math.min(bytes, Math.max(0, usedBytes + bytes - boughtBytes));
  }

  function isGiven(account: Account, bytes: number): boolean {
    const owed = beyond(account, bytes);
    if (owed === 0) return true;
    const isInGrace = account.usedBytes + bytes - account.boughtBytes <= RELAY_GRACE_BYTES;
    return isInGrace && unpaidNow() + owed <= unpaidBytesPerHour;
  }

  function take(peer: string, bytes: number): boolean {
    const account = touch(peer);
    if (!isGiven(account, bytes)) return false;
    unpaid.bytes = unpaidNow() + beyond(account, bytes);
    account.usedBytes += bytes;
    if (account.boughtBytes > 0 && account.usedBytes > account.storedBytes)
      durability.defer(() => write(peer, account));
    return true;
  }

  return {
    take: (peer, bytes) => whileRecordable(() => take(peer, bytes)),
    mayUse: (peer) => whileRecordable(() => isGiven(touch(peer), 1)),
    of(peer) {
      const { boughtBytes, usedBytes } = touch(peer);
      return { boughtBytes, usedBytes };
    },
    add(peer, bytes) {
      assert(bytes > 0, 'bytes are bought');
      const account = touch(peer);
      account.boughtBytes += bytes;
      write(peer, account);
    },
  };
}

/** Returns false while the disk takes no records: bytes that can't be recorded aren't forwarded. */
function whileRecordable(run: () => boolean): boolean {
  try {
    return run();
  } catch (error) {
    if (storageFaultOf(error) === null) throw error;
    return false;
  }
}
