/** OpenAI's library for Node. */
import assert from 'node:assert/strict';
import OpenAI, { BadRequestError, NotFoundError } from 'openai';
import {
  apiKey,
  baseURL,
  checkCity,
  embeddingModel,
  messages,
  model,
  report,
  schema,
  tool,
} from './common.mjs';

const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const city = (call) => JSON.parse(call.function.arguments).city;
const format = { type: 'json_schema', json_schema: { name: 'city', schema, strict: true } };

await report({
  async chat() {
    const { choices } = await client.chat.completions.create({ model, messages, max_tokens: 9 });
    assert.ok(choices[0].message.content);
  },
  async stream() {
    const stream = client.chat.completions.stream({ model, messages, max_tokens: 9 });
    assert.ok(await stream.finalContent());
  },
  async tools() {
    const asked = { model, messages, tools: [tool], tool_choice: 'required', parallel_tool_calls: false };
    const { message } = (await client.chat.completions.create(asked)).choices[0];
    checkCity(city(message.tool_calls[0]));
    const result = { role: 'tool', tool_call_id: message.tool_calls[0].id, content: 'rain' };
    const history = [...messages, message, result];
    assert.ok(
      (await client.chat.completions.create({ model, messages: history, tools: [tool], max_tokens: 9 }))
        .choices,
    );
  },
  async 'tools streamed'() {
    const choice = { type: 'function', function: { name: 'weather' } };
    const stream = client.chat.completions.stream({ model, messages, tools: [tool], tool_choice: choice });
    checkCity(city((await stream.finalChatCompletion()).choices[0].message.tool_calls[0]));
  },
  async 'json schema'() {
    const { choices } = await client.chat.completions.parse({ model, messages, response_format: format });
    checkCity(choices[0].message.parsed.city);
  },
  async responses() {
    assert.ok((await client.responses.create({ model, input: 'Hi', max_output_tokens: 16 })).output_text);
    const stream = client.responses.stream({
      ...{ model, input: 'Weather?', parallel_tool_calls: false, tool_choice: 'required' },
      tools: [{ ...tool.function, type: 'function', strict: true }],
    });
    const { output } = await stream.finalResponse();
    checkCity(JSON.parse(output[0].arguments).city);
  },
  async embeddings() {
    const { data } = await client.embeddings.create({ model: embeddingModel, input: ['a', 'b'] });
    assert.ok(data.length === 2 && data[0].embedding.length > 8);
  },
  async error() {
    await assert.rejects(client.chat.completions.create({ model: 'none', messages }), (error) => {
      return error instanceof NotFoundError && error.requestID !== null;
    });
    await assert.rejects(
      client.chat.completions.create({ model, messages, max_tokens: 99_999 }),
      BadRequestError,
    );
  },
});
