/**
 * Logs the story of a run: one info line per event, readable without having been there. Never a prompt, an answer,
 * a key or a token.
 */

export { tellJobs } from './jobs.ts';
export { tellModels } from './models.ts';
export { logDeposit, tellSettlement } from './money.ts';
export { tellNotices, tellSettings } from './owner.ts';
export { tellPeers } from './peers.ts';
export { type RunStoryParts, tellRunStory } from './tell.ts';
export { tellEngine, tellMeasurement, tellPresence } from './work.ts';
