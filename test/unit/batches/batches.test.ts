/**
 * Verifies: a batch answers each line of its file exactly once, as OpenAI defines it, and says what it couldn't do.
 * Setup: real gateway, provider and stores; fakes of engine, money and network.
 * Fails if: a line is missing or doubled, a malformed file begins, counts and files differ, a limit isn't applied.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Hono } from 'hono';
import { addBatchRoutes } from '../../../main/core/batches/index.ts';
import { BATCH_LIMITS } from '../../../shared/batches.ts';
import { BATCHES_PATH, CHAT_PATH, EMBEDDINGS_PATH } from '../../../shared/wire.ts';
import { chatLine, fileOf, isEnded, MODEL, openBatchMarket } from './batch-market.ts';

const market = await openBatchMarket();
const buyer = await market.openBuyer();
after(() => market.close());

const textOf = (body: unknown): string =>
  (body as { choices: { message: { content: string } }[] }).choices[0]?.message.content ?? '';

describe('a batch', () => {
  it('answers every line once, with its custom_id, cost and counts', async () => {
    const chargedBefore = market.provider.charged.length;
    const lines = Array.from({ length: 40 }, (_, index) =>
      chatLine(`line-${index}`, `hello number ${index}`),
    );
    const { id, status } = await buyer.begin(lines);
    assert.equal(status, 'validating');
    const batch = await buyer.until(id, isEnded);
    assert.equal(batch.status, 'completed');
    assert.deepEqual(batch.request_counts, { total: 40, completed: 40, failed: 0 });
    assert.equal(batch.error_file_id, null);
    const results = await buyer.results(batch.output_file_id);
    assert.deepEqual(
      results.map(({ custom_id }) => custom_id),
      lines.map(({ custom_id }) => custom_id),
    );
    for (const [index, { response }] of results.entries()) {
      assert.equal(response?.status_code, 200);
      assert.equal(textOf(response?.body), `hello number ${index} `);
    }
    const charges = market.provider.charged
      .slice(chargedBefore)
      .map(({ receipt }) => BigInt(receipt.charged));
    assert.equal(charges.length, 40);
    const sum = charges.reduce((all, each) => all + each, 0n);
    assert.equal(
      results.reduce((all, { idlewatt }) => all + BigInt(idlewatt.charged ?? -1), 0n),
      sum,
    );
    assert.equal(BigInt(batch.idlewatt.charged), sum);
  });

  it('writes lines that no provider would take into the error file, with status and reason', async () => {
    const { id } = await buyer.begin([
      chatLine('good', 'hi there'),
      chatLine('bad', 'hi', { temperature: 9 }),
      chatLine('large', 'hi', { max_tokens: 100_000 }),
      chatLine('stream', 'hi', { stream: true }),
    ]);
    const batch = await buyer.until(id, isEnded);
    assert.deepEqual(batch.request_counts, { total: 4, completed: 1, failed: 3 });
    assert.equal((await buyer.results(batch.output_file_id)).length, 1);
    const errors = await buyer.results(batch.error_file_id);
    assert.deepEqual(
      errors.map(({ custom_id, response }) => [custom_id, response?.status_code]),
      [
        ['bad', 400],
        ['large', 400],
        ['stream', 400],
      ],
    );
  });
});

describe('the file of a batch', () => {
  it('is rejected as a whole if it has errors, which name their lines', async () => {
    const { id } = await buyer.begin([
      chatLine('a', 'x'),
      { custom_id: 'b' },
      chatLine('a', 'y'),
      { ...chatLine('c', 'z'), url: EMBEDDINGS_PATH },
    ]);
    const requests = market.engine.requests.length;
    const batch = await buyer.until(id, isEnded);
    assert.equal(batch.status, 'failed');
    assert.deepEqual(
      batch.errors?.data.map(({ code, line }) => [code, line]).sort((a, b) => Number(a[1]) - Number(b[1])),
      [
        ['invalid_value', 2],
        ['duplicate_custom_id', 3],
        ['mismatched_url', 4],
      ],
    );
    assert.equal(market.engine.requests.length, requests);
  });

  it('may have empty lines, no last line end and Windows line ends', async () => {
    const upload = await buyer.upload(
      `${JSON.stringify(chatLine('a', 'x'))}\r\n\r\n${JSON.stringify(chatLine('b', 'y z'))}`,
    );
    const { id: input } = (await upload.json()) as { id: string };
    const created = await buyer.post('/batches', {
      ...{ input_file_id: input, endpoint: CHAT_PATH, completion_window: '24h' },
      metadata: { department: 'tests' },
    });
    const { id, metadata } = (await created.json()) as { id: string; metadata: object };
    assert.deepEqual(metadata, { department: 'tests' });
    const { output_file_id: output } = await buyer.until(id, isEnded);
    assert.deepEqual(
      (await buyer.results(output)).map(({ response }) => textOf(response?.body)),
      ['x ', 'y z '],
    );
  });
});

describe('a batch, as clients manage it,', () => {
  it('can be canceled: lines that weren’t sent are in the error file', async () => {
    const lines = Array.from({ length: 400 }, (_, index) => chatLine(`line-${index}`, 'a b c d e f g h'));
    const { id } = await buyer.begin(lines);
    await buyer.until(id, ({ request_counts: { completed } }) => completed > 5);
    const response = await buyer.call(`/batches/${id}/cancel`, { method: 'POST' });
    assert.equal(((await response.json()) as { status: string }).status, 'cancelling');
    const batch = await buyer.until(id, isEnded);
    assert.equal(batch.status, 'cancelled');
    const output = await buyer.results(batch.output_file_id);
    const errors = await buyer.results(batch.error_file_id);
    assert.equal(new Set([...output, ...errors].map(({ custom_id }) => custom_id)).size, 400);
    assert.equal(output.length + errors.length, 400);
    assert.ok(errors.length > 0 && errors.every(({ error }) => error?.code === 'batch_cancelled'));
    assert.equal(batch.request_counts.completed, output.length);
  });

  it('answers a cancellation with what it did, even if the batch has ended since', async () => {
    const { id } = await buyer.begin([chatLine('only', 'a b c d e f g h')]);
    const app = new Hono();
    const cancel = async (batchId: string) => {
      const batch = await buyer.batches.cancel(batchId);
      await buyer.until(batchId, isEnded);
      return batch;
    };
    addBatchRoutes(app, { ...buyer.batches, cancel }, { assetId: 'test-asset', keyIdOf: () => '' });
    const response = await app.request(`${BATCHES_PATH}/${id}/cancel`, { method: 'POST' });
    assert.equal(((await response.json()) as { status: string }).status, 'cancelling');
  });

  it('is listed newest first, page by page', async () => {
    const page = async (query: string) =>
      (await (await buyer.call(`/batches?${query}`)).json()) as { data: { id: string }[]; has_more: boolean };
    const first = await page('limit=2');
    assert.equal(first.data.length, 2);
    assert.equal(first.has_more, true);
    const second = await page(`limit=2&after=${first.data[1]?.id}`);
    assert.ok(!first.data.some(({ id }) => second.data.some((other) => other.id === id)));
    assert.equal((await buyer.call('/batches?limit=0')).status, 400);
  });

  it('reports unknown IDs, endpoints and windows in OpenAI’s format', async () => {
    const valid = { input_file_id: 'file-1', endpoint: CHAT_PATH, completion_window: '24h' };
    assert.equal((await buyer.post('/batches', valid)).status, 404);
    assert.equal((await buyer.post('/batches', { ...valid, endpoint: '/v1/images' })).status, 400);
    assert.equal((await buyer.post('/batches', { ...valid, completion_window: '1h' })).status, 400);
    assert.equal((await buyer.call('/batches/batch_1')).status, 404);
    assert.equal((await buyer.call('/batches/batch_1/cancel', { method: 'POST' })).status, 404);
    assert.equal((await buyer.call('/batches', { headers: { authorization: 'Bearer wrong' } })).status, 401);
  });
});

describe('a file', () => {
  it('is stored, listed, read and deleted; its name is never a path', async () => {
    const content = fileOf([chatLine('a', 'x')]);
    const response = await buyer.upload(content, '../../../evil.jsonl');
    const file = (await response.json()) as { id: string; bytes: number; filename: string; purpose: string };
    assert.equal(file.bytes, content.length);
    assert.equal(file.purpose, 'batch');
    assert.ok(readdirSync(join(market.folder, 'files')).includes(file.id));
    const list = (await (await buyer.call('/files?purpose=batch')).json()) as { data: { id: string }[] };
    assert.ok(list.data.some(({ id }) => id === file.id));
    assert.equal(await (await buyer.call(`/files/${file.id}/content`)).text(), content);
    const deleted = await buyer.call(`/files/${file.id}`, { method: 'DELETE' });
    assert.deepEqual(await deleted.json(), { id: file.id, object: 'file', deleted: true });
    assert.equal((await buyer.call(`/files/${file.id}`)).status, 404);
    assert.ok(!readdirSync(join(market.folder, 'files')).includes(file.id));
    for (const id of ['..%2F..%2Fbatches.db', '%2Fetc%2Fpasswd', 'file-1']) {
      assert.equal((await buyer.call(`/files/${id}/content`)).status, 404);
    }
  });

  it('is rejected without a purpose, with another one, empty, or not as a form', async () => {
    assert.equal((await buyer.upload('{}', 'a', 'fine-tune')).status, 400);
    assert.equal((await buyer.upload('')).status, 400);
    assert.equal((await buyer.post('/files', {})).status, 415);
    const broken = await buyer.call('/files', {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
      body: '--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nno end',
    });
    assert.equal(broken.status, 400);
    const names = readdirSync(join(market.folder, 'files'));
    assert.deepEqual(
      names.filter((name) => !buyer.store.findFile(name)),
      [],
    );
  });

  it('is rejected beyond the disk space for batches, and nothing of it stays', async () => {
    const content = 'x'.repeat(1_000_000);
    const small = await openBatchMarket();
    try {
      const other = await small.openBuyer({ bytesMax: () => 1_500_000 });
      assert.equal((await other.upload(content)).status, 200);
      const refused = await other.upload(content);
      assert.equal(refused.status, 503);
      assert.match(await refused.text(), /disk space for batches/);
      assert.equal(readdirSync(join(small.folder, 'files')).length, 1);
    } finally {
      await small.close();
    }
  });

  it('may have lines of a megabyte and no longer ones', async () => {
    const { id } = await buyer.begin([
      chatLine('long', 'x'.repeat(BATCH_LIMITS.lineBytesMax)),
      chatLine('short', 'y', { model: MODEL }),
    ]);
    const { errors } = await buyer.until(id, isEnded);
    assert.deepEqual(
      errors?.data.map(({ code, line }) => [code, line]),
      [['line_too_long', 1]],
    );
  });
});
