/** Fuzzing of files: model files from the network, uploads and lines of batches. */
import fc from 'fast-check';
import { readForm } from '../../main/adapters/busboy/index.ts';
import { checkFile } from '../../main/core/batches/check-file.ts';
import type { BatchFolder } from '../../main/core/batches/index.ts';
import {
  checkHeader,
  encodeFloats,
  fileKind,
  type GgufValue,
  parseGgufStart,
  writeGguf,
} from '../../main/core/gguf/index.ts';
import type { BatchStore } from '../../main/ports/batches.ts';
import { BATCH_LIMITS, type StoredBatch } from '../../shared/batches.ts';
import { CHAT_PATH } from '../../shared/wire.ts';
import { bodyOf, inPieces, oddBytes, oddJsonText, oddText } from './inputs.ts';
import { refusing, refusingLater, type Target, target } from './target.ts';

const number = (value: number) => ({ type: 'uint32', value }) as const;
const MODEL = Buffer.concat([
  ...writeGguf(
    new Map<string, GgufValue>([
      ['general.architecture', { type: 'string', value: 'llama' }],
      ['llama.block_count', number(2)],
      ['llama.context_length', number(512)],
      ['llama.embedding_length', number(64)],
      ['llama.feed_forward_length', number(128)],
      ['llama.attention.head_count', number(4)],
      ['tokenizer.ggml.tokens', { type: 'strings', value: ['a', 'bc', ''] }],
      ['tokenizer.chat_template', { type: 'string', value: 'x'.repeat(1_200) }],
    ]),
    ['token_embd.weight', 'blk.0.attn_q.weight', 'output.weight'].map((name) => ({
      ...{ name, shape: [64, 4], type: 'F32' as const },
      parts: () => [encodeFloats(new Float32Array(256))],
    })),
  ),
]);

const models = target(
  { name: 'model files', share: 8 },
  oddBytes([MODEL, MODEL.subarray(0, 300)]),
  (bytes) => {
    const header = refusing(['model-unavailable'], () => parseGgufStart(bytes));
    if (header === null) return;
    refusing(['model-unavailable'], () => checkHeader(header));
    fileKind(header, bytes.length);
  },
);

const LINE = {
  ...{ custom_id: 'a', method: 'POST', url: CHAT_PATH },
  body: { model: 'm', messages: [{ role: 'user', content: 'Hi' }] },
};
const store = {
  deleteLines: () => undefined,
  addLines: () => [],
  durable: async () => undefined,
} as unknown as BatchStore;
const batch = { id: 'b', inputFileId: 'f', endpoint: CHAT_PATH } as StoredBatch;

const lines = target(
  { name: 'lines of batches', share: 6 },
  fc.array(
    fc.oneof(
      oddJsonText([LINE]).map((text) => Buffer.from(text)),
      oddBytes([JSON.stringify(LINE)]),
    ),
    { minLength: 1, maxLength: 3 },
  ),
  async (contents) => {
    const folder = {
      async *lines() {
        for (const [index, content] of contents.entries()) {
          yield { line: index + 1, offset: 0, bytes: content.length, content };
        }
      },
    } as unknown as BatchFolder;
    const { total, errors } = await checkFile({ store, folder }, batch);
    if (total !== contents.length || errors.length > BATCH_LIMITS.errorsMax) throw new Error('lost lines');
  },
);

const BOUNDARY = 'X';
const part = (head: string, content: string) =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${content}\r\n`;
const FORM = `${part('name="purpose"', 'batch')}${part('name="file"; filename="a.jsonl"', '{}\n')}--${BOUNDARY}--\r\n`;
const forms = fc.record({
  pieces: inPieces(oddBytes([FORM])),
  type: fc.oneof(
    { weight: 5, arbitrary: fc.constant(`multipart/form-data; boundary=${BOUNDARY}`) },
    { weight: 1, arbitrary: oddText([`multipart/form-data; boundary=${BOUNDARY}`]) },
  ),
});

const uploads = target({ name: 'forms', share: 3 }, forms, async ({ pieces, type }) => {
  let bytes = 0;
  const read = readForm(bodyOf(pieces), type, {
    field: () => undefined,
    file: async (_name, _fileName, content) => {
      for await (const chunk of content) bytes += chunk.length;
    },
  });
  await refusingLater(['bad-request'], () => read);
  if (bytes > pieces.reduce((sum, piece) => sum + piece.length, 0))
    throw new Error('more bytes than were sent');
});

export const FILE_TARGETS: readonly Target[] = [models, lines, uploads];
