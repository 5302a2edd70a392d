/** OpenAI's library for Node: files and batches. */
import assert from 'node:assert/strict';
import OpenAI, { NotFoundError, toFile } from 'openai';
import { apiKey, baseURL, embeddingModel, messages, model, report } from './common.mjs';

const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const jsonl = (lines) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

async function runBatch(endpoint, bodies) {
  const lines = bodies.map((body, index) => ({
    custom_id: `line-${index}`,
    method: 'POST',
    url: endpoint,
    body,
  }));
  const file = await client.files.create({
    file: await toFile(Buffer.from(jsonl(lines)), 'lines.jsonl'),
    purpose: 'batch',
  });
  assert.equal(file.purpose, 'batch');
  let batch = await client.batches.create({
    input_file_id: file.id,
    endpoint,
    completion_window: '24h',
    metadata: { a: 'b' },
  });
  while (!['completed', 'failed', 'expired', 'cancelled'].includes(batch.status)) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    batch = await client.batches.retrieve(batch.id);
  }
  assert.equal(batch.status, 'completed');
  assert.equal(batch.request_counts.completed, bodies.length);
  const output = await (await client.files.content(batch.output_file_id)).text();
  const answers = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    answers.map(({ custom_id }) => custom_id).sort(),
    lines.map(({ custom_id }) => custom_id).sort(),
  );
  assert.ok(answers.every(({ response }) => response.status_code === 200));
  return answers;
}

await report({
  async batch() {
    const answers = await runBatch('/v1/chat/completions', [
      { model, messages, max_tokens: 9 },
      { model, messages, max_tokens: 5 },
    ]);
    assert.ok(answers.every(({ response }) => response.body.choices[0].message.content !== undefined));
    const vectors = await runBatch('/v1/embeddings', [{ model: embeddingModel, input: 'a' }]);
    assert.ok(vectors[0].response.body.data[0].embedding.length > 8);
    await runBatch('/v1/responses', [{ model, input: 'Hi', max_output_tokens: 16 }]);
  },
  async files() {
    const file = await client.files.create({
      file: await toFile(Buffer.from('{}\n'), 'x.jsonl'),
      purpose: 'batch',
    });
    const ids = [];
    for await (const each of client.files.list()) ids.push(each.id);
    assert.ok(ids.includes(file.id));
    assert.ok((await client.files.delete(file.id)).deleted);
    await assert.rejects(client.files.retrieve(file.id), NotFoundError);
    const batches = [];
    for await (const each of client.batches.list({ limit: 1 })) batches.push(each.id);
    assert.equal(new Set(batches).size, batches.length);
  },
});
