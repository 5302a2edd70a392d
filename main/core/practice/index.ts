/** Public interface of the practice network: its requester, its prompts and its faucet. */
export { type FillOptions, fillFromFaucet } from './faucet.ts';
export { mulberry32, type PracticePrompt, practicePrompts } from './prompts.ts';
export { askOnce, firstModel, type Requester, type RequesterOptions, startRequester } from './requester.ts';
