/** Public interface of the OpenAI HTTP module. */
export { limitBodies, mayExceed, readJsonBody } from './body.ts';
export { answerFailures, createFailures, type Failures, type ReportUnexpected } from './failures.ts';
export { onAbort } from './on-abort.ts';
