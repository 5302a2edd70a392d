/** Opens the prices of this machine's models: the owner's, the market's, and what electricity costs. */
import type { Offer } from '../../shared/offer.ts';
import { isOn } from '../../shared/week.ts';
import type { WorkWatts } from '../core/earnings/index.ts';
import { marketPrices } from '../core/forecast/index.ts';
import { createPricing, type PricedModel, type Pricing, powerCostOf } from '../core/pricing/index.ts';
import type { Network } from '../ports/network.ts';
import type { Foundation } from './foundation.ts';
import type { Money } from './money.ts';
import type { Surroundings } from './surroundings.ts';

/** Sources that are opened after the provider. */
export interface PriceSources {
  /** Offers of peers that are valid now. */
  readonly offers: () => readonly Offer[];
  readonly workWatts: Pick<WorkWatts, 'mean'>;
}

export interface PricingParts {
  readonly foundation: Pick<Foundation, 'settings' | 'calendar'>;
  readonly money: Money;
  readonly network: Pick<Network, 'key'>;
  /** Null until they are opened. */
  readonly sources: () => PriceSources | null;
}

const USDC_DECIMALS = 6;

export function openPricing(
  { clock, changed }: Surroundings,
  { foundation, money, network, sources }: PricingParts,
): Pricing {
  const { settings, calendar } = foundation;
  const { chain } = money;
  const { token } = chain;
  // Practice money is worth nothing, while electricity costs real money.
  const isMicroUsd = token.symbol === 'USDC' && token.decimals === USDC_DECIMALS && !token.practice;
  const isOffPeak = () => isOn(settings.get().offPeakHours, calendar.wall(clock.now()));

  function powerCost({ prefillTokensPerSecond, decodeTokensPerSecond }: PricedModel) {
    const { powerPriceMicroUsd, offPeakPowerPriceMicroUsd } = settings.get();
    const now = isOffPeak() ? (offPeakPowerPriceMicroUsd ?? powerPriceMicroUsd) : powerPriceMicroUsd;
    return powerCostOf({
      watts: sources()?.workWatts.mean()?.value ?? null,
      microUsdPerKilowattHour: isMicroUsd ? now : null,
      ...{ prefillTokensPerSecond, decodeTokensPerSecond },
    });
  }

  return createPricing({
    clock,
    rules: settings.get,
    facts: (model) => {
      const others = (sources()?.offers() ?? []).filter(
        ({ peer, networks }) => peer !== network.key.peer && networks.includes(chain.id),
      );
      const market = marketPrices(others, { assetId: token.id, sha256: model.sha256 });
      return { market, powerCost: powerCost(model) };
    },
    isOffPeak,
    onChange: () => changed('models'),
  });
}
