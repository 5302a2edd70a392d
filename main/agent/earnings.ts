/** Opens what earnings are explained with: the meter of energy and devices, and the overview. */

import { isVisitor } from '../../shared/customers.ts';
import { deviceKindOf } from '../../shared/devices.ts';
import type { Job } from '../../shared/jobs.ts';
import { isOn } from '../../shared/week.ts';
import {
  createWorkMeter,
  createWorkWatts,
  deviceBetween,
  type JobEnergy,
  jobEnergy,
  type Overview,
  overviewOf,
  type WorkMeter,
  type WorkWatts,
} from '../core/earnings/index.ts';
import { createWattsMeter, wattsStateOf } from '../core/forecast/index.ts';
import type { Foundation } from './foundation.ts';
import type { History } from './history/index.ts';
import type { Money } from './money.ts';
import type { Selling } from './selling.ts';
import type { Surroundings } from './surroundings.ts';

export interface Meters {
  readonly workWatts: WorkWatts;
  readonly work: WorkMeter;
}

export function openMeters(
  { clock, onClose, log }: Surroundings,
  { calendar, records, settings, presence }: Foundation,
  selling: Selling,
): Meters {
  const { machine } = selling.engine;
  const { engines } = selling.serving;
  const watts = createWattsMeter({
    clock,
    records,
    watts: () => presence.readings().watts?.value ?? null,
    state: () => wattsStateOf(selling.provider.active().length, engines.status().state),
  });
  onClose(() => watts.stop());
  const workWatts = createWorkWatts({
    sensor: watts,
    setting: () => settings.get().workWatts,
    isWorking: () => selling.provider.active().length > 0,
  });
  const work = createWorkMeter({
    clock,
    calendar,
    records,
    isActive: () => engines.status().state !== 'stopped',
    watts: workWatts,
    isOffPeak: (atMs) => isOn(settings.get().offPeakHours, calendar.wall(atMs)),
  });
  onClose(() => work.stop());
  const nameDevice = async () => {
    const status = engines.status();
    if (status.state !== 'ready') return;
    work.setDevice(deviceName(status.loaded.backend, (await machine.inventory()).devices));
  };
  onClose(
    engines.onStatus(() => {
      nameDevice().catch((error: unknown) => {
        log.child('machine').error('The device of the engine could not be named', error);
      });
    }),
  );
  return { workWatts, work };
}

/** Names what an engine's backend computes on. An engine server may use any device, also of another machine: its own name. */
export function deviceName(
  backend: string,
  devices: readonly { readonly kind: string; readonly name: string }[],
): string {
  const kind = deviceKindOf(backend);
  if (kind === null) return backend;
  const names = devices.filter((each) => each.kind === kind).map(({ name }) => name);
  return names.join(' + ') || kind.toUpperCase();
}

export interface EarningsViews {
  overview(days: number): Promise<Overview>;
  /** Names what computed a job of this machine, and estimates what that took; null if unknown, or nothing was computed. */
  workOf(job: Job): { readonly device: string | null; readonly energy: JobEnergy | null };
}

/** Jobs that may have run together with another one are looked for among so many before its end. */
const JOBS_TOGETHER_MAX = 200;

export function openEarnings(
  { settings, jobs, calendar }: Pick<Foundation, 'settings' | 'jobs' | 'calendar'>,
  money: Money,
  { history, work, workWatts }: Pick<Meters, 'work' | 'workWatts'> & { readonly history: History },
): EarningsViews {
  const { token, coin } = money.chain;
  const prices = () => {
    const chosen = settings.get();
    return {
      power: chosen.powerPriceMicroUsd,
      offPeakPower: chosen.offPeakPowerPriceMicroUsd,
      coin: chosen.coinPriceMicroUsd ?? coinMicroUsd(money),
    };
  };
  const priceAt = (atMs: number) => {
    const { power, offPeakPower } = prices();
    return isOn(settings.get().offPeakHours, calendar.wall(atMs)) ? (offPeakPower ?? power) : power;
  };
  const others = ({ id, endedAtMs }: Job) =>
    endedAtMs === null
      ? []
      : jobs
          .list({ side: 'sold', outcome: 'all', beforeMs: endedAtMs, limit: JOBS_TOGETHER_MAX })
          .jobs.filter((other) => other.id !== id && !isVisitor(other.peer));
  return {
    workOf(job) {
      const { side, peer, startedAtMs, endedAtMs } = job;
      if (side === 'bought' || isVisitor(peer) || startedAtMs === null) return { device: null, energy: null };
      const changes = work.deviceChanges();
      const device = deviceBetween(startedAtMs, endedAtMs ?? startedAtMs, changes);
      // The known draw is that of the device in use now.
      const watts = device === (changes.at(-1)?.name ?? null) ? workWatts.mean() : null;
      return {
        device,
        energy: jobEnergy({ job, others: others(job), watts, priceMicroUsd: priceAt(startedAtMs) }),
      };
    },
    async overview(days) {
      const [byDay, byModel, byDevice, byNetwork] = await Promise.all([
        history.earningsByDay(token.id, coin.id, days),
        history.earningsByModel(token.id, days),
        history.earningsByDevice(token.id, days, work.deviceChanges()),
        history.earningsByNetwork(token.id, days),
      ]);
      return overviewOf(
        {
          earnings: { byDay, byModel, byDevice, byNetwork },
          ...{ meter: work, coin, isReal: !token.practice, prices },
        },
        days,
      );
    },
  };
}

/** Price of the coin by the owner's rate source, with one token as one dollar; null if it has no price. */
function coinMicroUsd({ rates }: Money): number | null {
  const state = rates.state();
  if (!state?.coin || !state.token) return null;
  return Math.round((Number(state.coin.value) / Number(state.token.value)) * 1_000_000);
}
