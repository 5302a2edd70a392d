/** Decides from the ways in use what would let more machines find and reach this one, the most useful first. */
import type { WaysState } from '../../shared/reach.ts';
import type { Settings } from '../../shared/settings.ts';

export type Advice =
  | 'add-node'
  | 'nodes-away'
  | 'allow-port'
  | 'forward-port'
  | 'double-router'
  | 'check-forwarding'
  | 'check-address'
  | 'firewall'
  | 'firewall-ipv6';

type Owner = Pick<Settings, 'openPort' | 'forwardedPort' | 'publicDht'>;

const REFUSED: readonly WaysState['opening']['state'][] = [
  'no-router',
  'refused',
  'permanent-only',
  'invalid',
];

export function adviceFor(ways: WaysState, owner: Owner): readonly Advice[] {
  return [...findingAdvice(ways, owner), ...reachingAdvice(ways, owner)];
}

function findingAdvice({ publicNodes, publicNodesConnected }: WaysState, owner: Owner): readonly Advice[] {
  if (publicNodes === 0) return owner.publicDht ? [] : ['add-node'];
  return publicNodesConnected === 0 ? ['nodes-away'] : [];
}

function reachingAdvice({ addresses, opening }: WaysState, owner: Owner): readonly Advice[] {
  if (addresses.some(({ result }) => result === 'reached')) return [];
  const failed = addresses.filter(({ result }) => result === 'unreached');
  const advice: Advice[] = [];
  if (failed.some(({ kind }) => kind === 'named')) advice.push('check-address');
  else if (owner.forwardedPort !== null && failed.some(({ kind }) => kind === 'mapped')) {
    advice.push('check-forwarding');
  }
  const own = failed.filter(({ kind }) => kind === 'own').map(({ address }) => address);
  if (own.some((address) => address.startsWith('/ip4/'))) advice.push('firewall');
  if (own.some((address) => address.startsWith('/ip6/'))) advice.push('firewall-ipv6');
  if (owner.forwardedPort !== null || addresses.some(({ kind }) => kind === 'named')) return advice;
  if (!owner.openPort) advice.push('allow-port');
  else if (opening.state === 'no-public-address') advice.push('double-router');
  else if (REFUSED.includes(opening.state)) advice.push('forward-port');
  return advice;
}
