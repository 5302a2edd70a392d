/** Public interface of presence: whether Idlewatt may run, why, and for how long it was allowed to. */
export {
  type Availability,
  decide,
  type Pause,
  type PresenceRules,
  type PresenceSettings,
} from './decide.ts';
export {
  createDoings,
  type Doing,
  type Doings,
  type DoneHour,
  doingOf,
  hoursOf,
  type PastHour,
} from './doings.ts';
export type { WindowSettings } from './hours.ts';
export { createPresence, type PresenceParts, type PresenceService } from './presence.ts';
export { createSensing, type Sensing } from './sensing.ts';
export { createUsage, type DayUsage, type Usage } from './usage.ts';
