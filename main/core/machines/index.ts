/** Public interface of the owner's machines: joining, roles, reports and work without payment. */
export { createFreeGate, createFreePayer, isFree } from './free-payments.ts';
export { createInvitations, type Invitations, type PairingHost } from './invitations.ts';
export { type JoinParts, joinNetwork } from './joining.ts';
export type { MembershipRecord, MembershipStore } from './list-book.ts';
export { createMachineService, refusalFor } from './machine-service.ts';
export { createMachineWatch, type MachineWatch } from './machine-watch.ts';
export {
  foundNetwork,
  type MachineRoster,
  openRoster,
  type SharedPayout,
  storedPayout,
} from './roster.ts';
export { createSharedRules, type SharedRules } from './shared-rules.ts';
export { createWorkBook, type WorkBook } from './work-book.ts';
