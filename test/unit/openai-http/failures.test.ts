/**
 * Verifies: a service answers expected failures by their code; an unexpected one is reported once, and the client gets
 * only its incident ID.
 * Setup: a Hono app with routes that fail, and a recorded list of reports.
 * Fails if: an internal message reaches a client, a failure is not reported or twice, a large body is read.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hono } from 'hono';
import {
  answerFailures,
  createFailures,
  identifyResponses,
  limitBodies,
  onAbort,
  readJsonBody,
} from '../../../main/core/openai-http/index.ts';
import { AppError, type ErrorCode } from '../../../shared/errors.ts';
import { anthropicError } from '../../../shared/messages-answer.ts';
import {
  BODY_TOO_LARGE,
  MEDIA_TYPE_NOT_SUPPORTED,
  METHOD_NOT_ALLOWED,
  QUOTA_EXCEEDED,
  TEMPLATE_REJECTED,
} from '../../../shared/openai-errors.ts';
import { ANTHROPIC_REQUEST_ID_HEADER, MESSAGES_PATH, REQUEST_ID_HEADER } from '../../../shared/wire.ts';

const coded = (code: ErrorCode, detail: string) => new AppError(code, '', { details: { code: detail } });

function setUp(incident: string | null = 'abc123') {
  const reports: unknown[] = [];
  const failures = createFailures((error) => {
    reports.push(error);
    return incident;
  });
  const app = new Hono();
  identifyResponses(app);
  limitBodies(app);
  app.get('/busy', () => {
    throw new AppError('busy', 'All slots are taken.');
  });
  app.post(MESSAGES_PATH, () => {
    throw new AppError('busy', 'All slots are taken.');
  });
  app.get('/bug', () => {
    throw new Error('secret detail');
  });
  app.post('/json', async (context) => context.json(await readJsonBody(context)));
  answerFailures(app, failures, (_error, status) => (status === 429 ? 7 : null));
  return { app, failures, reports };
}

async function errorOf(response: Response) {
  const { error } = (await response.json()) as { error: Record<string, unknown> };
  return [response.status, error.message, error.code];
}

test('an expected failure is answered by its code, with retry-after, and not reported', async () => {
  const { app, reports } = setUp();
  const response = await app.request('/busy');
  assert.equal(response.headers.get('retry-after'), '7');
  assert.deepEqual(await errorOf(response), [429, 'All slots are taken.', 'rate_limit_exceeded']);
  assert.deepEqual(await errorOf(await app.request('/nothing')), [
    404,
    'This path was not found.',
    'not-found',
  ]);
  assert.deepEqual(reports, []);
});

test('a deeply nested body is the client’s mistake, and no code that recurses sees it', async () => {
  const { app, reports } = setUp();
  const response = await app.request('/json', { method: 'POST', body: `{"messages":${'['.repeat(500_000)}` });
  assert.deepEqual(await errorOf(response), [
    400,
    'The request body nests deeper than 64 levels.',
    'invalid_body',
  ]);
  assert.deepEqual(reports, []);
});

test('an unexpected failure is reported once and answered with its incident ID alone', async () => {
  const { app, failures, reports } = setUp();
  const message = 'Internal error (incident abc123).';
  const response = await app.request('/bug');
  assert.equal(response.headers.get('retry-after'), null);
  assert.deepEqual(await errorOf(response), [500, message, 'internal_error']);
  assert.equal(reports.length, 1);
  assert.equal(failures.toResponse(new Error('secret detail')).body.error.message, message);
  assert.equal(reports.length, 2);
});

test('another method gets a list of the right ones, in the error shape of its API, and each response has an ID', async () => {
  const { app } = setUp();
  const response = await app.request('/json', { method: 'PUT' });
  assert.equal(response.headers.get('allow'), 'POST');
  assert.match(response.headers.get(REQUEST_ID_HEADER) ?? '', /^req_[0-9a-f]{32}$/);
  assert.equal(response.headers.get(ANTHROPIC_REQUEST_ID_HEADER), response.headers.get(REQUEST_ID_HEADER));
  assert.deepEqual(await errorOf(response), [405, 'Use POST for this path.', 'method_not_allowed']);
  const other = await app.request(MESSAGES_PATH, { method: 'POST' });
  assert.equal(other.status, 429);
  assert.deepEqual(await other.json(), {
    type: 'error',
    error: { type: 'rate_limit_error', message: 'All slots are taken.' },
  });
});

test('without a log the answer has no incident ID', async () => {
  const { app } = setUp(null);
  assert.deepEqual(await errorOf(await app.request('/bug')), [500, 'Internal error.', 'internal_error']);
});

test('a body must be JSON within the limit', async () => {
  const { app, reports } = setUp();
  const post = (body: string) => app.request('/json', { method: 'POST', body });
  assert.deepEqual(await (await post('{"a":1}')).json(), { a: 1 });
  const invalid = (message: string) => [400, message, 'invalid_body'];
  assert.deepEqual(await errorOf(await post('{')), invalid('The request body must be JSON.'));
  const large = [413, 'The request body exceeds 1048576 bytes.', 'body_too_large'];
  assert.deepEqual(await errorOf(await post(`"${'x'.repeat(1024 * 1024)}"`)), large);
  assert.deepEqual(reports, []);
});

test('onAbort runs for a signal that aborts or has aborted, and not after its removal', () => {
  let runs = 0;
  const count = () => {
    runs += 1;
  };
  onAbort(AbortSignal.abort(), count);
  assert.equal(runs, 1);
  const controller = new AbortController();
  onAbort(controller.signal, count);
  const remove = onAbort(controller.signal, () => assert.fail('it was removed'));
  remove();
  controller.abort();
  assert.equal(runs, 2);
});

test('each kind of refusal has the status and type by which clients of both APIs tell it apart', () => {
  const { failures } = setUp();
  const kinds: readonly [AppError, number, string, string][] = [
    [new AppError('bad-request', ''), 400, 'invalid_request_error', 'invalid_request_error'],
    [new AppError('not-permitted', ''), 401, 'authentication_error', 'authentication_error'],
    [coded('payment-required', QUOTA_EXCEEDED), 402, 'insufficient_quota', 'billing_error'],
    [new AppError('not-found', ''), 404, 'invalid_request_error', 'not_found_error'],
    [new AppError('model-unavailable', ''), 404, 'invalid_request_error', 'not_found_error'],
    [coded('bad-request', METHOD_NOT_ALLOWED), 405, 'invalid_request_error', 'invalid_request_error'],
    [coded('bad-request', BODY_TOO_LARGE), 413, 'invalid_request_error', 'request_too_large'],
    [coded('bad-request', MEDIA_TYPE_NOT_SUPPORTED), 415, 'invalid_request_error', 'invalid_request_error'],
    [coded('bad-request', TEMPLATE_REJECTED), 422, 'invalid_request_error', 'invalid_request_error'],
    [new AppError('busy', ''), 429, 'rate_limit_error', 'rate_limit_error'],
    [new AppError('engine-failed', ''), 500, 'server_error', 'api_error'],
    [new AppError('peer-unreachable', ''), 502, 'server_error', 'api_error'],
    [coded('paused', 'paused_measuring'), 503, 'server_error', 'overloaded_error'],
    [new AppError('no-provider', ''), 503, 'server_error', 'overloaded_error'],
  ];
  for (const [error, status, type, anthropicType] of kinds) {
    const response = failures.toResponse(error);
    const { error: anthropic } = anthropicError(response) as { error: { type: string } };
    assert.deepEqual(
      [response.status, response.body.error.type, anthropic.type],
      [status, type, anthropicType],
      `${error.code} ${error.details.code}`,
    );
  }
});

test('a compressed body is refused as such, and not as bad JSON', async () => {
  const { app } = setUp();
  const post = (encoding: string) =>
    app.request('/json', { method: 'POST', headers: { 'content-encoding': encoding }, body: '{}' });
  assert.deepEqual(await errorOf(await post('gzip')), [
    415,
    'Send the request body without Content-Encoding.',
    'content_encoding_not_allowed',
  ]);
  assert.equal((await post('identity')).status, 200);
});
