/** Public interface of the reputation module. */
export { type AuditReports, createAuditReports, readVerdict } from './audit-reports.ts';
export {
  createExperience,
  type Experience,
  type ExperienceParts,
  type Known,
  NO_EXPERIENCE,
  type Outcome,
} from './experience.ts';
export { noteIdentity } from './identities.ts';
export { type AuditReport, type Evidence, type Judgment, judge, STRANGER } from './judgment.ts';
export { type BoundProvider, createReferences, type References, type ReferencesParts } from './references.ts';
export { measureRoundTrips } from './round-trips.ts';
export { creditOf, type SettledPayment } from './settled-credit.ts';
