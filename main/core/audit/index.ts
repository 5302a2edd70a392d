/** Public interface of the audit module. */
export { networkOf } from '../../../shared/money.ts';
export { type Audit, audit, type RebuiltBalance } from './audit.ts';
export type { AuditSources, Difference } from './sources.ts';
