/** Applies the owner's choice of who may buy, and of the kinds of jobs that are sold. Nothing of a prompt's text is read. */
import type { AskedCompletion } from '../../../shared/asked.ts';
import { AppError } from '../../../shared/errors.ts';
import { categoriesOf, type JobCategory } from '../../../shared/job-categories.ts';
import type { Settings } from '../../../shared/settings.ts';
import type { RecordStore } from '../../ports/store.ts';

export interface Consent {
  /** Fails with `not-accepted` if the owner doesn't sell to this peer. */
  checkBuyer(peer: string): void;
  /** Fails with `not-accepted` for lines of batches, if the owner doesn't sell them. */
  checkBatch(): void;
  /** Fails with `not-accepted` if the owner doesn't sell such jobs. */
  checkJob(asked: Pick<AskedCompletion, 'prompt'>): void;
  /** Remembers a peer that has paid for a job. */
  noteBuyer(peer: string): void;
}

export type ConsentSettings = Pick<Settings, 'marketOn' | 'sellTo' | 'knownPeers' | 'categoriesOff'>;

export interface ConsentOptions {
  readonly settings: () => ConsentSettings;
  readonly records: RecordStore;
  /** True for the owner's machines, this one included, and the owner's guests: they may always buy. */
  readonly isOwn: (peer: string) => boolean;
}

const COLLECTION = 'buyers';
/** Beyond it, no further buyer is remembered: a flood of new ones pushes out none that is known. */
export const BUYERS_MAX = 10_000;

export function createConsent({ settings, records, isOwn }: ConsentOptions): Consent {
  const buyers = new Set(records.list(COLLECTION).map(({ key }) => key));

  function mayBuy(peer: string): boolean {
    const { marketOn, sellTo, knownPeers } = settings();
    if (isOwn(peer)) return true;
    if (!marketOn) return false;
    if (sellTo === 'anybody' || knownPeers.includes(peer)) return true;
    return sellTo === 'known' && buyers.has(peer);
  }

  function checkCategory(category: JobCategory): void {
    if (!settings().categoriesOff.includes(category)) return;
    throw new AppError(
      'not-accepted',
      `This provider’s owner doesn’t sell jobs of the category "${category}".`,
      {
        details: { code: 'category_not_accepted', category },
      },
    );
  }

  return {
    checkBuyer(peer) {
      if (mayBuy(peer)) return;
      throw new AppError('not-accepted', 'This provider’s owner sells only to peers that they know.', {
        details: { code: 'buyer_not_accepted' },
      });
    },
    checkBatch: () => checkCategory('batch'),
    checkJob(asked) {
      for (const category of categoriesOf(asked, false)) checkCategory(category);
    },
    noteBuyer(peer) {
      if (isOwn(peer) || buyers.has(peer) || buyers.size >= BUYERS_MAX) return;
      buyers.add(peer);
      records.set(COLLECTION, peer, '{}');
    },
  };
}

/** Sells everything to everybody. */
export const SELLS_ALL: Consent = {
  checkBuyer: () => undefined,
  checkBatch: () => undefined,
  checkJob: () => undefined,
  noteBuyer: () => undefined,
};
