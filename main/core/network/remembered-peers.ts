/**
 * Remembers peers over restarts, so that this machine can rejoin the market even if the nodes that it was given are gone: the
 * last peers that it dialed with success, with one address each.
 */
import { z } from 'zod';
import { parseJson } from '../../../shared/json.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Market, Network } from '../../ports/network.ts';
import type { RecordStore } from '../../ports/store.ts';
import { within } from './within.ts';

export interface RememberedPeersParts {
  readonly network: Pick<Network, 'peers' | 'onPeers'>;
  readonly market: Pick<Market, 'dial'>;
  readonly records: Pick<RecordStore, 'list' | 'set' | 'delete'>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface RememberedPeers {
  /** Peers that are remembered now. */
  count(): number;
  stop(): void;
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

/** Remembers peers, and dials them while no peer is connected, with growing pauses. */
export function rememberPeers({
  network,
  market,
  records,
  clock,
  log,
}: RememberedPeersParts): RememberedPeers {
  const ended = new AbortController();
  const remembered = readAll(records);
  let waitMs = REJOIN_MS_MIN;
  let timer: Timer | null = null;
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
    if (timer !== null || remembered.size === 0 || ended.signal.aborted) return;
    timer = clock.after(waitMs, rejoin);
    waitMs = Math.min(REJOIN_MS_MAX, waitMs * 2);
  }

  /** Dials some of the peers, different ones each time, beginning with those that were seen last. */
  async function rejoin(): Promise<void> {
    timer = null;
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

  function dial(address: string): Promise<boolean> {
    return within(clock, DIAL_MS_MAX, ended.signal, (signal) => market.dial([address], signal));
  }

  function onPeers(): void {
    remember();
    if (isAlone()) later();
    else waitMs = REJOIN_MS_MIN;
  }

  const unsubscribe = network.onPeers(onPeers);
  if (remembered.size > 0) void rejoin();
  return {
    count: () => remembered.size,
    stop() {
      ended.abort();
      timer?.cancel();
      unsubscribe();
    },
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
