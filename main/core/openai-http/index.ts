/** Public interface of the OpenAI HTTP module. */
export { limitBodies, mayExceed, readJsonBody } from './body.ts';
export { answerHeaders, type ReadAsked, TEXT_ENDPOINTS } from './endpoints.ts';
export { answerFailures, createFailures, type Failures, type ReportUnexpected } from './failures.ts';
export { onAbort } from './on-abort.ts';
