/** A budget without limits: for tests of everything else. */
import type { Price } from '../../../shared/price.ts';
import type { Budget } from './budget.ts';

const HIGHEST = '9'.repeat(30);
const ANY_PRICE: Price = { inputPerMillion: HIGHEST, outputPerMillion: HIGHEST };

export const UNLIMITED: Pick<Budget, 'openRequest' | 'isTrusted' | 'takeOpinionPlace'> = {
  openRequest: () => ({
    priceLimit: () => ANY_PRICE,
    aboveLimit: () => {
      throw new Error('no price exceeds the highest one');
    },
    hold: () => ({ begin: () => undefined, end: () => undefined, learned: () => undefined }),
  }),
  isTrusted: () => true,
  takeOpinionPlace: () => true,
};
