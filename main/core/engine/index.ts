/** The engine room's door: supervision of engine processes, choice of threads, and measuring. */
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
