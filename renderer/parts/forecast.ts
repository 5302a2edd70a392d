/** Expected earnings of a day and of the coming days, and the day by which they reach the payout threshold. */
import { COMING_DAYS_MAX, type ComingDays } from '../../shared/api/contract.ts';
import { useAnswer } from '../calls.ts';
import { writeComingDay } from '../format.ts';
import { agent, useSection } from '../store.ts';
import { dayOfReaching } from './payout-day.ts';
import { useNow, useStrings } from './strings.ts';

const REFRESH_MS = 10 * 60_000;
/** Older balances are paid out below the threshold, so that a later day isn't expected by it. */
const PAYOUT_DAYS = 7;

/** The forecast of a day at the owner's intensity, and the scores of earlier ones; null before the answer. */
export function useForecast() {
  const { benchmark } = useSection('machine');
  const { comfort, workWatts, powerPriceMicroUsd } = useSection('settings');
  const { model } = useSection('work');
  const key = ['forecast', benchmark.atMs, comfort, workWatts, powerPriceMicroUsd, model].join('|');
  return useAnswer(key, () => agent.earnings.forecast({})).data;
}

/** Expected earnings of `days` days: of today only the rest counts. Null until known, and while nothing can be expected. */
export function useComing(days: number): { readonly isLoading: boolean; readonly coming: ComingDays | null } {
  const { benchmark } = useSection('machine');
  const { comfort, scheduleOn, onlyOffPeakHours } = useSection('settings');
  const { model } = useSection('work');
  const turn = Math.floor(useNow(REFRESH_MS) / REFRESH_MS);
  const key = ['coming', days, turn, benchmark.atMs, comfort, scheduleOn, onlyOffPeakHours, model].join('|');
  const answer = useAnswer(key, () =>
    agent.earnings.coming({ days: Math.min(COMING_DAYS_MAX, Math.max(1, days)) }),
  );
  return {
    isLoading: answer.data === null && answer.problem === null,
    coming: answer.data?.coming ?? null,
  };
}

/** Names the day on which the balance due is expected to reach the payout threshold; null if that isn't known, or not near. */
export function usePayoutDay(): string | null {
  const { language } = useStrings();
  const { owed, settleThreshold, waitingReason } = useSection('money');
  const { coming } = useComing(PAYOUT_DAYS);
  if (coming === null || waitingReason !== 'below-threshold') return null;
  const day = dayOfReaching(BigInt(settleThreshold) - BigInt(owed), coming.days);
  return day === null ? null : writeComingDay(day, coming.days[0]?.day ?? day, language);
}
