/** What every process of Idlewatt needs from Node itself: its end after a bug, its delays, its children's output. */
export {
  type ChildOutputOptions,
  levelOfEngineLine,
  logChildOutput,
  type OutputLevel,
} from './child-output.ts';
export { type DelayHistogram, type EventLoopReportOptions, reportEventLoopDelay } from './event-loop.ts';
export { guardProcess, type ProcessGuardOptions } from './process-guard.ts';
