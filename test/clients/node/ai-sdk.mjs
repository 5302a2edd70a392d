/** The AI SDK with its default OpenAI provider, which calls the Responses API. */
import assert from 'node:assert/strict';
import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, embedMany, generateObject, generateText, jsonSchema, streamText, tool } from 'ai';
import { apiKey, baseURL, checkCity, embeddingModel, model, report, schema } from './common.mjs';

const openai = createOpenAI({ baseURL, apiKey });
const common = { model: openai(model), maxRetries: 0, maxOutputTokens: 100 };
const tools = { weather: tool({ description: 'Tells it.', inputSchema: jsonSchema(schema) }) };
const toolChoice = { type: 'tool', toolName: 'weather' };
const providerOptions = { openai: { parallelToolCalls: false } };

await report({
  async responses() {
    assert.ok((await generateText({ ...common, prompt: 'Hi' })).text);
  },
  async stream() {
    let text = '';
    for await (const part of streamText({ ...common, prompt: 'Hi' }).textStream) text += part;
    assert.ok(text);
  },
  async tools() {
    const { toolCalls } = await generateText({
      ...common,
      tools,
      toolChoice,
      providerOptions,
      prompt: 'Weather?',
    });
    checkCity(toolCalls[0].input.city);
  },
  async 'tools streamed'() {
    const { toolCalls } = streamText({ ...common, tools, toolChoice, providerOptions, prompt: 'Weather?' });
    checkCity((await toolCalls)[0].input.city);
  },
  async 'json schema'() {
    const { object } = await generateObject({ ...common, schema: jsonSchema(schema), prompt: 'Weather?' });
    checkCity(object.city);
  },
  async embeddings() {
    const { embeddings } = await embedMany({
      model: openai.embedding(embeddingModel),
      values: ['a', 'b'],
      maxRetries: 0,
    });
    assert.equal(embeddings.length, 2);
  },
  async error() {
    const wrong = generateText({ ...common, model: openai('none'), prompt: 'Hi' });
    await assert.rejects(wrong, (error) => APICallError.isInstance(error) && error.statusCode === 404);
  },
});
