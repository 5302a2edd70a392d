/** Anthropic's library for Node. */
import assert from 'node:assert/strict';
import Anthropic, { NotFoundError } from '@anthropic-ai/sdk';
import { apiKey, baseURL, checkCity, messages, model, report, schema } from './common.mjs';

const client = new Anthropic({ baseURL: baseURL.replace(/\/v1$/, ''), apiKey, maxRetries: 0 });
const asked = { model, messages, max_tokens: 100 };
const tools = [{ name: 'weather', description: 'Tells it.', input_schema: schema }];
const tool_choice = { type: 'any', disable_parallel_tool_use: true };

await report({
  async chat() {
    assert.ok((await client.messages.create(asked)).content[0].text);
  },
  async stream() {
    assert.ok(await client.messages.stream(asked).finalText());
  },
  async tools() {
    const { content, stop_reason: reason } = await client.messages.create({ ...asked, tools, tool_choice });
    assert.equal(reason, 'tool_use');
    checkCity(content.at(-1).input.city);
  },
  async 'tools streamed'() {
    const { content } = await client.messages.stream({ ...asked, tools, tool_choice }).finalMessage();
    checkCity(content.at(-1).input.city);
  },
  async error() {
    const wrong = client.messages.create({ ...asked, model: 'none' });
    await assert.rejects(wrong, (error) => error instanceof NotFoundError && error.requestID !== null);
  },
});
