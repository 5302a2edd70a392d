/** LangChain for Node. */
import assert from 'node:assert/strict';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { z } from 'zod';
import { apiKey, baseURL, checkCity, embeddingModel, model, report, tool } from './common.mjs';

const common = { model, apiKey, maxRetries: 0, maxTokens: 100, configuration: { baseURL } };
const chat = new ChatOpenAI(common);
const City = z.object({ city: z.enum(['Bonn', 'Paris']) });

await report({
  async chat() {
    assert.ok((await chat.invoke('Hi')).content);
  },
  async stream() {
    let text = '';
    for await (const chunk of await chat.stream('Hi')) text += chunk.content;
    assert.ok(text);
  },
  async tools() {
    const bound = chat.bindTools([tool], { tool_choice: 'required', parallel_tool_calls: false });
    checkCity((await bound.invoke('Weather?')).tool_calls[0].args.city);
  },
  async 'tools streamed'() {
    const bound = chat.bindTools([tool], { tool_choice: 'weather', parallel_tool_calls: false });
    let whole = null;
    for await (const chunk of await bound.stream('Weather?'))
      whole = whole === null ? chunk : whole.concat(chunk);
    checkCity(whole.tool_calls[0].args.city);
  },
  async 'json schema'() {
    const structured = chat.withStructuredOutput(City, { method: 'jsonSchema', name: 'city', strict: true });
    checkCity((await structured.invoke('Weather?')).city);
  },
  async responses() {
    assert.ok((await new ChatOpenAI({ ...common, useResponsesApi: true }).invoke('Hi')).content);
  },
  async embeddings() {
    const made = new OpenAIEmbeddings({
      model: embeddingModel,
      apiKey,
      maxRetries: 0,
      configuration: { baseURL },
    });
    assert.equal((await made.embedDocuments(['a', 'b'])).length, 2);
  },
  async error() {
    await assert.rejects(
      new ChatOpenAI({ ...common, model: 'none' }).invoke('Hi'),
      (error) => error.status === 404,
    );
  },
});
