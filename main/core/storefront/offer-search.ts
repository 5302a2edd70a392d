/** Looks for offers while the storefront has none to sell. Its visitors cause no searches: they would be free for them. */
import type { Clock } from '../../ports/clock.ts';
import type { Directory } from '../network/index.ts';

export interface OfferSearchParts {
  readonly directory: Pick<Directory, 'providers' | 'find'>;
  readonly clock: Clock;
  readonly onUnexpected: (error: unknown) => void;
}

/** A search asks each connected peer, and the market at most every 10 s. */
const SEARCH_EVERY_MS = 5_000;

/** Searches immediately, and again until there is an offer; also later, when there is none left. Returns its end. */
export function keepOffers({ directory, clock, onUnexpected }: OfferSearchParts): () => void {
  let searching: Promise<unknown> | null = null;
  function search(): void {
    if (searching !== null || directory.providers().some(({ offer }) => offer.models.length > 0)) return;
    searching = directory
      .find(null)
      .catch(onUnexpected)
      .finally(() => {
        searching = null;
      });
  }
  search();
  const timer = clock.every(SEARCH_EVERY_MS, search);
  return () => timer.cancel();
}
