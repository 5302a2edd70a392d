/** Public interface of the earnings module: what was earned, what it cost, and on which device. */
export {
  type DeviceChange,
  type DeviceEarnings,
  deviceBetween,
  earningsByDevice,
} from './device-earnings.ts';
export { type JobEnergy, jobEnergy } from './job-energy.ts';
export {
  type Overview,
  type OverviewParts,
  overviewOf,
  type Prices,
} from './overview.ts';
export { createWorkMeter, type DayEnergy, type WorkMeter, type WorkMeterParts } from './work-meter.ts';
export { createWorkWatts, type WorkWatts } from './work-watts.ts';
