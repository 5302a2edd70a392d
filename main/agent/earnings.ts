/** Opens what earnings are explained with: the meter of energy and devices, and the overview. */

import type { Job } from '../../shared/jobs.ts';
import { isOn } from '../../shared/week.ts';
import {
  createWorkMeter,
  deviceBetween,
  type Overview,
  overviewOf,
  type WorkMeter,
} from '../core/earnings/index.ts';
import { createWattsMeter, type WattsMeter, wattsStateOf } from '../core/forecast/index.ts';
import type { Foundation } from './foundation.ts';
import type { History } from './history/index.ts';
import type { Money } from './money.ts';
import type { Selling } from './selling.ts';
import type { Surroundings } from './surroundings.ts';

export interface Meters {
  readonly watts: WattsMeter;
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
  const work = createWorkMeter({
    clock,
    calendar,
    records,
    isActive: () => engines.status().state !== 'stopped',
    extraWatts: () => watts.extraNow(),
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
  return { watts, work };
}

const GPU_BACKENDS: ReadonlySet<string> = new Set(['cuda', 'vulkan', 'metal']);

/** Names what an engine's backend computes on. An engine server may use any device, also of another machine: its own name. */
export function deviceName(
  backend: string,
  devices: readonly { readonly kind: string; readonly name: string }[],
): string {
  if (backend !== 'cpu' && !GPU_BACKENDS.has(backend)) return backend;
  const kind = backend === 'cpu' ? 'cpu' : 'gpu';
  const names = devices.filter((each) => each.kind === kind).map(({ name }) => name);
  return names.join(' + ') || kind.toUpperCase();
}

export interface EarningsViews {
  overview(days: number): Promise<Overview>;
  /** The device that computed a job of this machine; null if it isn't known, or nothing was computed. */
  deviceOf(job: Job): string | null;
}

export function openEarnings(
  { settings }: Pick<Foundation, 'settings'>,
  money: Money,
  { history, work }: { readonly history: History; readonly work: WorkMeter },
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
  return {
    deviceOf({ side, startedAtMs, endedAtMs }) {
      if (side === 'bought' || startedAtMs === null) return null;
      return deviceBetween(startedAtMs, endedAtMs ?? startedAtMs, work.deviceChanges());
    },
    async overview(days) {
      const [byDay, byModel, byDevice] = await Promise.all([
        history.earningsByDay(token.id, coin.id, days),
        history.earningsByModel(token.id, days),
        history.earningsByDevice(token.id, days, work.deviceChanges()),
      ]);
      return overviewOf(
        { earnings: { byDay, byModel, byDevice }, meter: work, coin, isReal: !token.practice, prices },
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
