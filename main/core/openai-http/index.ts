/** Public interface of the OpenAI HTTP module. */
export { limitBodies, mayExceed, parseJsonBody, readBody, readJsonBody } from './body.ts';
export { answerHeaders, PAID_ENDPOINTS, type ReadAsked } from './endpoints.ts';
export {
  answerFailures,
  createFailures,
  type Failures,
  identifyResponses,
  type ReportUnexpected,
  shapeOfEndpoint,
} from './failures.ts';
export { isLateAfter } from './late.ts';
export { onAbort } from './on-abort.ts';
