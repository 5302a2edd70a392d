/**
 * Process-level services on Node itself: orderly exit after a bug, event loop reports, child processes, the machine's lock,
 * the installed package.
 */
export {
  type ChildOutputOptions,
  levelOfEngineLine,
  logChildOutput,
  type OutputLevel,
} from './child-output.ts';
export { type DelayHistogram, type EventLoopReportOptions, reportEventLoopDelay } from './event-loop.ts';
export { findInstalledPackage, previousPath, type Surrounding } from './installed-package.ts';
export { createMachineLock, type MachineLockOptions } from './machine-lock.ts';
export { onOutgoingRequest, withPurpose } from './outgoing.ts';
export { guardProcess, type ProcessGuardOptions } from './process-guard.ts';
export { runInForeground } from './run-child.ts';
export { machineUptime } from './uptime.ts';
