/** Public interface of the Horde module. */
export {
  createHordeWorker,
  type HordeCandidate,
  type HordeChoice,
  type HordeWorker,
  type HordeWorkerOptions,
} from './worker.ts';
