/** Decides whether an engine may serve strangers, by what it reports about its own sandbox. */
import { SANDBOX_PARTS, type SandboxPart, type SandboxReport } from '../../../shared/sandbox.ts';

/** Without these, a fault in the model's code would reach the owner's files or network. */
const REQUIRED: readonly SandboxPart[] = ['network', 'files'];

/** Returns the parts that aren't active. */
export function missingParts(report: SandboxReport): SandboxPart[] {
  return SANDBOX_PARTS.filter((part) => report[part] !== 'in-force');
}

/** Returns whether the owner has to agree before this engine serves strangers. */
export function isUnconfined(report: SandboxReport): boolean {
  return REQUIRED.some((part) => report[part] !== 'in-force');
}
