/** Prices of the storefront: the market's with the owner's margin, and the market's price that a sale can pay. */
import type { Offer, OfferedModel } from '../../../shared/offer.ts';
import { charge, type Price } from '../../../shared/price.ts';
import type { Provider } from '../network/index.ts';

/** A model on the market: one file, at a price for which several providers sell it where there are several. */
export interface MarketModel extends OfferedModel {
  /** Providers that sell the file for at most this price. */
  readonly providers: number;
}

/** Equal numbers of input and output tokens, to compare prices without a request. */
const SAMPLE = { input: 1_000_000, output: 1_000_000 };
/**
 * Offers up to this percentage of the cheapest one count for the price: an answer has to be continued elsewhere at a
 * price that was paid for, and a single high offer must not raise the price of all.
 */
const COUNTED_PERCENT = 150n;

/** Returns the models that can be bought, sorted by name. Of several files with one name, the one with the cheapest offer. */
export function marketModels(
  providers: readonly Provider[],
  accepts: (offer: Offer, model: OfferedModel) => boolean,
): readonly MarketModel[] {
  const byName = new Map<string, OfferedModel[]>();
  for (const { offer } of providers) {
    for (const model of offer.models) {
      if (accepts(offer, model)) byName.set(model.id, [...(byName.get(model.id) ?? []), model]);
    }
  }
  return [...byName.keys()]
    .sort()
    .flatMap((id) => marketModel(byName.get(id) ?? []))
    .sort((a, b) => a.id.localeCompare(b.id));
}

function marketModel(offered: readonly OfferedModel[]): readonly MarketModel[] {
  const sorted = offered.toSorted((a, b) => compare(charge(a.price, SAMPLE), charge(b.price, SAMPLE)));
  const [cheapest] = sorted;
  if (cheapest === undefined) return [];
  const most = (charge(cheapest.price, SAMPLE) * COUNTED_PERCENT) / 100n;
  const counted = sorted.filter(
    ({ sha256, price }) => sha256 === cheapest.sha256 && charge(price, SAMPLE) <= most,
  );
  const highest = (key: keyof Price): string =>
    counted.reduce((max, { price }) => (BigInt(price[key]) > max ? BigInt(price[key]) : max), 0n).toString();
  const price = {
    inputPerMillion: highest('inputPerMillion'),
    outputPerMillion: highest('outputPerMillion'),
  };
  const { batchPrice: _, loadMs: __, ...facts } = cheapest;
  const contextTokens = Math.min(...counted.map((model) => model.contextTokens));
  return [{ ...facts, price, contextTokens, providers: counted.length }];
}

/** Returns the price with the margin, rounded up. */
export function withMargin({ inputPerMillion, outputPerMillion }: Price, marginPercent: number): Price {
  const raised = (units: string) => ((BigInt(units) * BigInt(100 + marginPercent) + 99n) / 100n).toString();
  return { inputPerMillion: raised(inputPerMillion), outputPerMillion: raised(outputPerMillion) };
}

/** Returns the highest price on the market that leaves the margin of a sale at this price. */
export function withoutMargin({ inputPerMillion, outputPerMillion }: Price, marginPercent: number): Price {
  const lowered = (units: string) => ((BigInt(units) * 100n) / BigInt(100 + marginPercent)).toString();
  return { inputPerMillion: lowered(inputPerMillion), outputPerMillion: lowered(outputPerMillion) };
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
