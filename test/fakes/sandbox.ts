/** What holds an engine that is played by a test. */
import type { SandboxReport, SandboxState } from '../../shared/sandbox.ts';

/** The same of every part. */
export function sandboxOf(state: SandboxState): SandboxReport {
  return { network: state, files: state, memory: state, priority: state, diesWithParent: state };
}
