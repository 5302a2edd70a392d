/**
 * Verifies: tokens that the provider had computed before are reported in the usage of each API, as its clients count them.
 * Setup: the end of an answer with and without cached tokens, in each format, whole and streamed.
 * Fails if: an API reports none although there were some, or counts them twice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AskedCompletion } from '../../../shared/asked.ts';
import { readMessagesRequest } from '../../../shared/messages-request.ts';
import { createAnswerFormat, usage } from '../../../shared/openai-answer.ts';
import { readResponsesRequest } from '../../../shared/responses-request.ts';

const MESSAGES = [{ role: 'user', content: 'Hi' }];
const pieces = [{ text: 'Yes', tokens: [1] }];

function usages(asked: AskedCompletion, cachedTokens: number | undefined) {
  const format = () => createAnswerFormat({ asked, jobId: 'job', createdAtS: 0, fingerprint: 'f' });
  const end = { finishReasons: ['stop'], usage: usage(100, 5, cachedTokens) };
  const whole = (format().whole(pieces, end) as { usage: unknown }).usage;
  return { whole, closing: format().closing(end) };
}

test('the Responses API has them among the input tokens', () => {
  const asked = readResponsesRequest({ model: 'm', input: 'Hi' });
  const { whole, closing } = usages(asked, 80);
  assert.deepEqual(whole, {
    input_tokens: 100,
    input_tokens_details: { cached_tokens: 80 },
    output_tokens: 5,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 105,
  });
  assert.match(closing, /"cached_tokens":80/);
  assert.match(usages(asked, undefined).closing, /"cached_tokens":0/);
});

test('Anthropic’s API counts them apart from the other input tokens', () => {
  const asked = readMessagesRequest({ model: 'm', max_tokens: 9, messages: MESSAGES });
  const { whole, closing } = usages(asked, 80);
  assert.deepEqual(whole, { input_tokens: 20, cache_read_input_tokens: 80, output_tokens: 5 });
  assert.match(closing, /"cache_read_input_tokens":80/);
  assert.deepEqual(usages(asked, undefined).whole, { input_tokens: 100, output_tokens: 5 });
});
