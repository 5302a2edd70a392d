/** Public interface of the Horde module. */
export { DROPS_PER_HOUR_MAX } from './drops.ts';
export {
  createHordeWorker,
  type HordeCandidate,
  type HordeChoice,
  type HordeWorker,
  type HordeWorkerOptions,
} from './worker.ts';
