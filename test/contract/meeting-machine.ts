/** For tests: a machine of the market that meets others in a public DHT of the test, and has no other way to find them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNetwork } from '../../main/adapters/libp2p/index.ts';
import { meetInPublic } from '../../main/core/network/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Network } from '../../main/ports/network.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { createRecordingLog } from '../fakes/log.ts';

export interface MeetingMachine {
  readonly network: Network;
  isConnectedTo(peer: string): boolean;
  close(): Promise<void>;
}

/** `publicDht`: multiaddrs of some nodes of that DHT. */
export async function openMeetingMachine(publicDht: readonly string[]): Promise<MeetingMachine> {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-meeting-'));
  const network = await createNetwork({
    ...{ folder, clock: systemClock, mdns: false },
    market: { announce: [], scope: 'any', publicDht },
  });
  await network.start();
  const market = forceUnwrap('this machine takes part in the market', network.market);
  const stop = meetInPublic({ network, market, clock: systemClock, log: createRecordingLog() });
  return {
    network,
    isConnectedTo: (peer) => network.peers().some((known) => known.peer === peer && known.connected),
    async close() {
      stop();
      await network.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
