/** The door of the practice network: who asks, and what is asked. */
export { mulberry32, type PracticePrompt, practicePrompts } from './prompts.ts';
export { askOnce, firstModel, type Requester, type RequesterOptions, startRequester } from './requester.ts';
