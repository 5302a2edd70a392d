/** For tests: the agent's own buying side on any network and clock, with a wallet on a local chain and nothing to serve. */
import { mkdirSync } from 'node:fs';
import type { PracticeChain } from '../../main/adapters/anvil/index.ts';
import { connectNode } from '../../main/adapters/ethers/index.ts';
import { openBuying } from '../../main/agent/buying.ts';
import { openFoundation } from '../../main/agent/foundation.ts';
import type { Money } from '../../main/agent/money.ts';
import { PROFILES } from '../../main/agent/profiles.ts';
import type { Close, Surroundings } from '../../main/agent/surroundings.ts';
import { homePaths } from '../../main/core/home/index.ts';
import { createNotices } from '../../main/core/notices/index.ts';
import type { Clock } from '../../main/ports/clock.ts';
import type { Network } from '../../main/ports/network.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import type { Profile } from '../../shared/api/state.ts';
import { createRecordingLog } from '../fakes/log.ts';

export interface BuyerParts {
  readonly chain: PracticeChain;
  readonly accounts: WalletAccounts;
  readonly network: Network;
  readonly clock: Clock;
  /** Data folder; an earlier buyer's or a new one. */
  readonly home: string;
  /** Its terms apply, but for the chain. */
  readonly profile: Profile;
}

export type ComposedBuyer = Awaited<ReturnType<typeof openBuying>> & { close(): Promise<void> };

export async function composeBuyer(parts: BuyerParts): Promise<ComposedBuyer> {
  const { chain, accounts, network, clock, home, profile } = parts;
  const closers: Close[] = [];
  const surroundings: Surroundings = {
    ...{ log: createRecordingLog(), notices: createNotices(), serves: false, clock },
    config: { ...({} as Surroundings['config']), profile, host: 'headless', gatewayPort: 0 },
    terms: PROFILES[profile],
    onClose: (close) => void closers.push(close),
    changed: () => undefined,
  };
  const paths = homePaths(home);
  mkdirSync(paths.keys, { recursive: true });
  const foundation = openFoundation(surroundings, paths);
  foundation.settings.change({ buyPriceInputMax: '100000000', buyPriceOutputMax: '100000000' });
  // The part of the agent that sells does this at each start.
  foundation.jobs.recover();
  const money = {
    ...{ chain: chain.network, node: connectNode(chain.network), wallet: { accounts } },
    balances: { refresh: async () => undefined },
    prepareBuying: async () => undefined,
  } as unknown as Money;
  const models = { findFile: () => null } as unknown as Parameters<typeof openBuying>[1]['models'];
  const opened = await openBuying(surroundings, {
    ...{
      foundation,
      money,
      models,
      network,
      office: null,
      checkModels: { serves: () => false, hold: () => null },
    },
    verdicts: { note: async () => undefined },
  });
  return {
    ...opened,
    async close() {
      for (const each of closers.toReversed()) await each();
    },
  };
}
