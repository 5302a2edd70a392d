/** Public interface of the engine module: supervises engine processes, chooses threads, GPUs and duty, and measures speed. */
export { createEngineDuty, type EngineDuty } from './duty.ts';
export { chooseGraphics, graphicsMemory } from './graphics.ts';
export { createHandBacks, type HandBacks } from './hand-backs.ts';
export {
  type EngineEnd,
  type EngineSpeed,
  type MeasureOptions,
  measureEngine,
  PROMPT_WORDS,
} from './measure.ts';
export { createEngineShares, type EngineShares, type Share, type SharingEngine, shareOf } from './shares.ts';
export { createEngineSupervisor, type SupervisorOptions } from './supervisor.ts';
export { type CoreReading, chooseThreads } from './threads.ts';
