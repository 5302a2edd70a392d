/**
 * Logs the story of a run: one info line per event, readable without having been there. Never a prompt, a
 * response, a key or a token.
 */

export { type JobCircumstances, type JobSummary, logJobs } from './jobs.ts';
export { logModels } from './models.ts';
export { logDeposit, logSettlement } from './money.ts';
export { logNotices, logSettings } from './owner.ts';
export { logPeers } from './peers.ts';
export { logRunStory, type RunStory, type RunStoryParts } from './subscribe.ts';
export { logEngine, logMeasurement, logPresence } from './work.ts';
