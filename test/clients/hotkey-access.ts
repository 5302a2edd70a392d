/** A service for signed requests, for Bittensor's own packages: real engine, keys, provider service and HTTP server. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hotkeys } from '../../main/adapters/bittensor/index.ts';
import { closeHttp, createPublicServer, listenHttp } from '../../main/adapters/http/index.ts';
import { createHotkeyAccess } from '../../main/core/bittensor/index.ts';
import { NONCE_SKEW_MS_MAX } from '../../main/core/bittensor/nonces.ts';
import { createFreeGate } from '../../main/core/machines/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { isHotkeyPeer } from '../../shared/bittensor.ts';
import { createFakeProvider } from '../fakes/market.ts';
import { createFakeHub } from '../fakes/network.ts';
import { FAKE_ASSET, FAKE_PAYOUT } from '../fakes/payment-gate.ts';
import { ABILITIES, type ClientCase } from './clients.ts';
import { openTinyModel } from './tiny-model.ts';

const WITHOUT = Object.fromEntries(ABILITIES.map((ability) => [ability, 'it tries signatures only']));

export const HOTKEY_CLIENTS: readonly ClientCase[] = [
  {
    script: 'bittensor_signed.py',
    name: 'bittensor 11 (btauth/1)',
    language: 'python',
    packages: ['bittensor==11.3.0'],
    without: WITHOUT,
  },
  {
    script: 'bittensor_dendrite.py',
    name: 'bittensor 10 (dendrite)',
    language: 'python',
    packages: ['bittensor==10.5.0'],
    without: WITHOUT,
  },
];

/** Lets one new hotkey in, whose seed the clients get, and no other. */
export async function openHotkeyMarket(): Promise<{
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}> {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-hotkeys-'));
  const loaded = await openTinyModel(folder);
  const network = await createFakeHub().createNetwork();
  const { service } = createFakeProvider(network, {
    ...{ engine: loaded.engine, models: [loaded.model] },
    guests: { isGuest: isHotkeyPeer, gate: createFreeGate(FAKE_ASSET, FAKE_PAYOUT) },
  });
  const own = hotkeys.open(hotkeys.newSeed());
  const seed = hotkeys.newSeed();
  const allowed = hotkeys.open(seed).address;
  const access = createHotkeyAccess({
    ...{ provider: service, own, hotkeys, clock: systemClock },
    isAllowed: (address) => address === allowed,
    onUnexpected: (error) => {
      console.error(error);
      return 'incident';
    },
    onStranger: () => undefined,
  });
  const { server } = createPublicServer(access, {
    proxies: [],
    tls: null,
    onCertificateFault: console.error,
  });
  const port = await listenHttp(server, { host: '127.0.0.1', port: 0 });
  // What is signed before could have been used in an earlier run.
  await sleep(NONCE_SKEW_MS_MAX + 1);
  return {
    env: {
      IDLEWATT_CLIENT_BASE_URL: `http://127.0.0.1:${port}`,
      IDLEWATT_CLIENT_MODEL: loaded.model.id,
      IDLEWATT_CLIENT_HOTKEY: own.address,
      IDLEWATT_CLIENT_SEED: seed,
    },
    async close() {
      await closeHttp(server);
      await service.close(0);
      await loaded.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
