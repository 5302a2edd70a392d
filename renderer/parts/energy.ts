/** Energy of the work in the unit that suits it: Wh, or kWh from 1 kWh. */
import { writeNumber } from '../format.ts';
import { useStrings } from './strings.ts';

const KILO = 1_000;

export function useEnergyText(): (wattHours: number) => string {
  const { t, language } = useStrings();
  return (wattHours) =>
    wattHours < KILO
      ? t('earnings.wattHours', { value: writeNumber(wattHours, language, wattHours < 1 ? 3 : 1) })
      : t('earnings.energy', { energy: writeNumber(wattHours / KILO, language, 3) });
}
