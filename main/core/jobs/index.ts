/** Public interface of the jobs module. */
export { type Bookkeeping, bookSettlement, recoverBooks } from './bookkeeping.ts';
export { type FirstToken, firstTokenOf } from './first-tokens.ts';
export { createFolding, type Folding, type FoldingParts } from './folding.ts';
export { newJobId } from './id.ts';
export { type FoundJobs, type JobPage, listJobs } from './job-pages.ts';
export { decodeSpeed, type JobRecord, type NewJob, recordJob } from './job-record.ts';
export { createJobs, type Jobs, type JobsParts } from './jobs.ts';
export { FAILED_STATES, NEXT_STATES, SERVED_STATES } from './states.ts';
