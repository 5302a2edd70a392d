/**
 * Remembers peers over restarts, so that this machine finds back into the market although the nodes that it was given are
 * gone: the last peers that it dialed with success, with one address each.
 */
import { z } from 'zod';
import { parseJson } from '../../../shared/json.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Market, Network } from '../../ports/network.ts';
import type { RecordStore } from '../../ports/store.ts';

export interface RememberedPeersParts {
  readonly network: Pick<Network, 'peers' | 'onPeers'>;
  readonly market: Pick<Market, 'dial'>;
  readonly records: Pick<RecordStore, 'list' | 'set' | 'delete'>;
  readonly clock: Clock;
  readonly log: Log;
}

export const REMEMBERED_PEERS_MAX = 64;
/** Peers that are dialed at a time while nobody is connected. */
export const REJOIN_DIALS_MAX = 8;
const COLLECTION = 'market-peers';
/** A record is written again only after this long, so that a peer that comes and goes costs few writes. */
const REFRESH_MS = 86_400_000;
const DIAL_MS_MAX = 5_000;
const REJOIN_MS_MIN = 5_000;
const REJOIN_MS_MAX = 300_000;

const recordSchema = z.object({ address: z.string().max(500), atMs: z.number() });
type PeerRecord = z.infer<typeof recordSchema>;

/** Starts to remember, and dials what is remembered whenever no peer is connected, with growing pauses. Returns its end. */
export function rememberPeers({ network, market, records, clock, log }: RememberedPeersParts): () => void {
  const ended = new AbortController();
  const remembered = readAll(records);
  let waitMs = REJOIN_MS_MIN;
  let isWaiting = false;
  let round = 0;

  function remember(): void {
    for (const { peer, addresses, connected, dialed, source } of network.peers()) {
      const [first] = addresses;
      // A peer of the LAN announces itself, and a relayed one is gone with its relay.
      if (!connected || !dialed || source === 'mdns' || !first || first.includes('/p2p-circuit')) continue;
      const address = withPeer(first, peer);
      const known = remembered.get(peer);
      if (known?.address === address && Math.abs(clock.now() - known.atMs) < REFRESH_MS) continue;
      const record = { address, atMs: clock.now() };
      remembered.delete(peer);
      remembered.set(peer, record);
      records.set(COLLECTION, peer, JSON.stringify(record));
    }
    for (const oldest of remembered.keys()) {
      if (remembered.size <= REMEMBERED_PEERS_MAX) break;
      remembered.delete(oldest);
      records.delete(COLLECTION, oldest);
    }
  }

  const isAlone = () => !network.peers().some(({ connected }) => connected);

  function later(): void {
    if (isWaiting || remembered.size === 0) return;
    isWaiting = true;
    clock.after(waitMs, rejoin);
    waitMs = Math.min(REJOIN_MS_MAX, waitMs * 2);
  }

  /** Dials some of them, the ones that were seen last first, and others each time. */
  async function rejoin(): Promise<void> {
    isWaiting = false;
    if (ended.signal.aborted || !isAlone()) return;
    const latest = [...remembered.values()].reverse();
    const from = (round * REJOIN_DIALS_MAX) % latest.length;
    const some = latest.slice(from, from + REJOIN_DIALS_MAX);
    round += 1;
    const reached = await Promise.all(some.map(({ address }) => dial(address)));
    log.debug('Peers of an earlier run were dialed', {
      dialed: some.length,
      reached: reached.filter(Boolean).length,
    });
    if (isAlone()) later();
  }

  async function dial(address: string): Promise<boolean> {
    const limit = new AbortController();
    const timeout = clock.after(DIAL_MS_MAX, () => limit.abort());
    const isReached = await market.dial([address], AbortSignal.any([limit.signal, ended.signal]));
    timeout.cancel();
    return isReached;
  }

  function onPeers(): void {
    remember();
    if (isAlone()) later();
    else waitMs = REJOIN_MS_MIN;
  }

  const unsubscribe = network.onPeers(onPeers);
  if (remembered.size > 0) void rejoin();
  return () => {
    ended.abort();
    unsubscribe();
  };
}

/** Deletes what it can't read. */
function readAll(records: RememberedPeersParts['records']): Map<string, PeerRecord> {
  const read: [string, PeerRecord][] = [];
  for (const { key, value } of records.list(COLLECTION)) {
    const record = readRecord(value);
    if (record === null) records.delete(COLLECTION, key);
    else read.push([key, record]);
  }
  return new Map(read.sort(([, left], [, right]) => left.atMs - right.atMs));
}

function readRecord(value: string): PeerRecord | null {
  try {
    return recordSchema.parse(parseJson(value));
  } catch {
    return null;
  }
}

function withPeer(address: string, peer: string): string {
  return address.endsWith(`/p2p/${peer}`) ? address : `${address}/p2p/${peer}`;
}
