/** Opens the chain that money moves on: the network's own, the owner's nodes, or a practice chain started here. */
import { practiceNetwork, startPracticeChain } from '../adapters/anvil/index.ts';
import type { ChainNetwork } from '../ports/chain.ts';
import { atEndpoints } from './networks.ts';
import type { Surroundings } from './surroundings.ts';

export async function openChain(surroundings: Surroundings, folder: string): Promise<ChainNetwork> {
  const { terms, log } = surroundings;
  const chain = await chooseChain(surroundings, folder);
  // Hosts only: the path of a node's URL may contain the owner's key.
  const nodes = [chain.rpcUrl, ...chain.fallbackRpcUrls].map(hostOf);
  const facilitators = chain.facilitators.map(hostOf);
  log.child('start').info('Chain ready', {
    chain: chain.id,
    name: terms.networkName,
    asset: chain.token.symbol,
    nodes,
    confirmations: chain.confirmations,
    facilitators,
  });
  return chain;
}

async function chooseChain({ config, terms, onClose }: Surroundings, folder: string): Promise<ChainNetwork> {
  if (terms.chain !== null) {
    const chain = config.rpcUrl === null ? terms.chain : atEndpoints(terms.chain, config.rpcUrl);
    return { ...chain, facilitators: config.facilitators ?? chain.facilitators };
  }
  if (config.rpcUrl !== null) return practiceNetwork(config.rpcUrl);
  const practice = await startPracticeChain({ folder });
  onClose(() => practice.stop());
  return practice.network;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'invalid address';
}
