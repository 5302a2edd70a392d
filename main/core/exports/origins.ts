/** Origin of income: the own market, the storefront, an AI Horde, or what a relay of one's own forwarded. */
import { isCustomerId, isVisitor } from '../../../shared/customers.ts';
import { isHordePeer } from '../../../shared/horde.ts';
import type { Account, Posting } from '../../ports/ledger.ts';
import type { ExportSources } from './sources.ts';

export const ORIGINS = ['market', 'storefront', 'ai-horde', 'relay'] as const;
/** Accounts of income. */
export const INCOME_ACCOUNTS: ReadonlySet<Account> = new Set<Account>(['income:jobs', 'income:relaying']);
export type Origin = (typeof ORIGINS)[number];

/** Titles for people, in the middle of a sentence. */
export const ORIGIN_TITLES: Readonly<Record<Origin, string>> = {
  market: 'own market',
  storefront: 'storefront',
  'ai-horde': 'AI Horde',
  relay: 'relaying',
};

/** Returns a function that names the origin of an entry; null for one without income. */
export function originsOf(sources: Pick<ExportSources, 'pages'>): (posting: Posting) => Origin | null {
  // Only needed for what a crash left without the name of its buyer.
  let channels: ReadonlySet<string> | null = null;
  return (posting) => {
    if (posting.lines.some(({ account }) => account === 'income:relaying')) return 'relay';
    const income = posting.lines.filter(({ account }) => account === 'income:jobs');
    if (income.length === 0) return null;
    const { peer } = posting;
    if (peer !== null) return ofPeer(peer);
    const ids = income.flatMap(({ channelId }) => (channelId === null ? [] : [channelId]));
    channels ??= visitorChannels(sources);
    const known = channels;
    return ids.some((id) => isCustomerId(id) || known.has(id)) ? 'storefront' : 'market';
  };
}

function ofPeer(peer: string): Origin {
  if (isHordePeer(peer)) return 'ai-horde';
  return isVisitor(peer) ? 'storefront' : 'market';
}

/** The channels of the storefront's visitors. */
function visitorChannels({ pages }: Pick<ExportSources, 'pages'>): ReadonlySet<string> {
  const channels = new Set<string>();
  for (const page of pages()) {
    for (const { posting } of page) {
      if (posting.peer === null || !isVisitor(posting.peer)) continue;
      for (const { channelId } of posting.lines) if (channelId !== null) channels.add(channelId);
    }
  }
  return channels;
}
