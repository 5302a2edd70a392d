/** Lists the tokens and coins of every network that Idlewatt knows, by asset ID. */
import type { Asset } from '../../shared/money.ts';
import { practiceNetwork } from '../adapters/anvil/index.ts';
import { NETWORKS } from './networks.ts';

export function knownAssets(): ReadonlyMap<string, Asset> {
  const networks = [practiceNetwork(''), ...Object.values(NETWORKS)];
  return new Map(networks.flatMap(({ token, coin }) => [token, coin]).map((asset) => [asset.id, asset]));
}
