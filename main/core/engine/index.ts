/** The engine room's door: supervision of engine processes, choice of threads and duty, and measuring. */
export { createEngineDuty, type EngineDuty } from './duty.ts';
export { chooseGraphics } from './graphics.ts';
export { createHandBacks, type HandBacks } from './hand-backs.ts';
export {
  type EngineEnd,
  type EngineSpeed,
  type MeasureOptions,
  measureEngine,
  PROMPT_WORDS,
} from './measure.ts';
export { createEngineSupervisor, type SupervisorOptions } from './supervisor.ts';
export { type CoreReading, chooseThreads } from './threads.ts';
