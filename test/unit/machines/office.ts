/** Machines in memory for the tests of this folder: keys, rosters and networks that pass HTTP without a connection. */
import { generateKeyPair } from '@libp2p/crypto/keys';
import { bip39Words } from '../../../main/adapters/ethers/index.ts';
import { createPeerKey, verifySigned } from '../../../main/adapters/libp2p/index.ts';
import {
  foundNetwork,
  type MachineRoster,
  type MembershipRecord,
  openRoster,
} from '../../../main/core/machines/index.ts';
import type { Network, PeerInfo, PeerKey } from '../../../main/ports/network.ts';
import type { MachineReport } from '../../../shared/machines.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

export const NOW_MS = 1_750_000_000_000;
export const WORDS = bip39Words();

export async function newKey(): Promise<PeerKey> {
  return createPeerKey(await generateKeyPair('Ed25519'));
}

/** A handler of HTTP requests at a peer. */
export type Serve = (request: Request) => Response | Promise<Response>;

/** Peers that all see each other; the header `x-peer-id` is set here alone, as the real network does. */
export function createLan() {
  const served = new Map<string, Serve>();
  const listeners = new Set<(peers: readonly PeerInfo[]) => void>();
  const peers = (own: string): readonly PeerInfo[] =>
    [...served.keys()]
      .filter((peer) => peer !== own)
      .map((peer) => ({ peer, addresses: [], connected: true, source: 'mdns' }));
  return {
    add(peer: string, serve: Serve): void {
      served.set(peer, serve);
      for (const listener of [...listeners]) listener([]);
    },
    remove: (peer: string) => void served.delete(peer),
    from(key: PeerKey): Pick<Network, 'fetch' | 'key' | 'onPeers' | 'peers'> {
      return {
        key,
        peers: () => peers(key.peer),
        onPeers(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        async fetch(peer, path, init) {
          const request = new Request(`http://peer.invalid${path}`, init);
          request.headers.set('x-peer-id', key.peer);
          const serve = served.get(peer);
          return serve === undefined ? Response.error() : serve(request);
        },
      };
    },
  };
}

/** A founder with its roster; `open` opens the roster of a further machine with the founder's record. */
export async function createOffice() {
  const clock = manualClock(NOW_MS);
  const log = createRecordingLog();
  const founder = await newKey();
  const record = await foundNetwork(founder, {
    ...{ networkKey: 'ab'.repeat(32), network: 'cd'.repeat(8), name: 'Front desk', nowMs: NOW_MS },
  });
  const stored: MembershipRecord[] = [];
  const open = (key: PeerKey, from: MembershipRecord): Promise<MachineRoster> =>
    openRoster({
      ...{ record: from, key, verifySigned, clock, log },
      store: { write: (next) => void stored.push(next) },
    });
  return { clock, log, founder, record, stored, open, roster: await open(founder, record) };
}

export const REPORT: MachineReport = {
  presence: { decision: 'run', reason: 'idle', sinceMs: NOW_MS, untilMs: null },
  ...{ engine: 'ready', jobs: 0, tokensPerSecond: null, watts: null, device: null },
  served: { jobs: 0, inputTokens: 0, outputTokens: 0, workMs: 0 },
  used: { jobs: 0, inputTokens: 0, outputTokens: 0, workMs: 0 },
  days: [],
  outside: null,
};
