/** Public interface of the provider module. */

export type { ActiveJob, RunningJob } from './active-jobs.ts';
export { createAdmission } from './admission.ts';
export { type AnswerFiles, openAnswerFiles } from './answer-files.ts';
export { createBodyPlaces } from './body-places.ts';
export { limitChainWork } from './chain-work.ts';
export { type Consent, createConsent } from './consent.ts';
export { createFreeRequests } from './free-requests.ts';
export type { Guests } from './guests.ts';
export type { SpeedCurve } from './job-speeds.ts';
export { createLimitLog } from './limit-log.ts';
export { PROVIDER_LIMITS, type ProviderLimits } from './limits.ts';
export type { OtherJobs } from './other-jobs.ts';
export { paidRequest, responseOf } from './paid-request.ts';
export { askingOf, peerOf } from './requester.ts';
export { createProviderService, type ProviderOptions, type ProviderService } from './service.ts';
