/** Sandbox reports of fake engines. */
import type { SandboxReport, SandboxState } from '../../shared/sandbox.ts';

/** Returns a report with the same state for every part. */
export function sandboxOf(state: SandboxState): SandboxReport {
  return { network: state, files: state, memory: state, priority: state, diesWithParent: state };
}
