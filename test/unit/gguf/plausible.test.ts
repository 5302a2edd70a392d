/**
 * Verifies: a model file whose parameters no real model has is refused with a clear reason before the engine reads it.
 * Setup: headers with each parameter at and beyond its limits; the tiny model that ships with the app.
 * Fails if: a file makes the engine allocate memory for billions of layers or tokens, or a real model is refused.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  checkHeader,
  checkModelFile,
  encodeFloats,
  type GgufValue,
  parseGgufHeader,
  writeGguf,
} from '../../../main/core/gguf/index.ts';
import { isAppError } from '../../../shared/errors.ts';

const TINY = fileURLToPath(new URL('../../../resources/models/idlewatt-tiny.gguf', import.meta.url));
const count = (value: number): GgufValue => ({ type: 'uint32', value });
const text = (value: string): GgufValue => ({ type: 'string', value });
const PLAUSIBLE: Readonly<Record<string, GgufValue>> = {
  'general.architecture': text('llama'),
  'llama.block_count': count(32),
  'llama.context_length': count(131_072),
  'llama.embedding_length': count(4_096),
  'llama.attention.head_count': count(32),
  'tokenizer.chat_template': text('{{ messages }}'.repeat(1_000)),
};
const NORM = {
  name: 'norm.weight',
  shape: [4],
  type: 'F32' as const,
  parts: () => [encodeFloats(new Float32Array(4))],
};

function check(change: Readonly<Record<string, GgufValue | undefined>>, tensors = [NORM]): void {
  const metadata = Object.entries({ ...PLAUSIBLE, ...change }).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  checkHeader(parseGgufHeader(Buffer.concat([...writeGguf(new Map(metadata), tensors)])));
}

test('accepts plausible files and the model that ships with the app', async () => {
  check({});
  check({ 'llama.attention.head_count': { type: 'int32s', value: [32, 16] } });
  await checkModelFile(TINY);
});

test('refuses counts that are missing, zero, absurd or not whole numbers, and names them', () => {
  const refusals: [string, GgufValue | undefined][] = [
    ['llama.block_count', count(2 ** 32 - 1)],
    ['llama.block_count', count(0)],
    ['llama.block_count', undefined],
    ['llama.block_count', text('32')],
    ['llama.context_length', count(0)],
    ['llama.context_length', count(2 ** 31)],
    ['llama.context_length', { type: 'float32', value: 0.5 }],
    ['llama.embedding_length', count(2 ** 32 - 1)],
    ['llama.attention.head_count', count(2 ** 32 - 1)],
    ['llama.expert_count', count(2 ** 20)],
  ];
  for (const [key, value] of refusals) {
    assert.throws(
      () => check({ [key]: value }),
      (error) => isAppError(error, 'model-unavailable') && error.message.includes(key.replace('llama.', '')),
      key,
    );
  }
});

test('refuses endless templates, and files without architecture or weights', () => {
  const refusals: [RegExp, () => void][] = [
    [/chat template is too long/, () => check({ 'tokenizer.chat_template': text('x'.repeat(65_537)) })],
    [
      /chat template is too long/,
      () => check({ 'tokenizer.chat_template.tool_use': text('x'.repeat(10 ** 6)) }),
    ],
    [/names no architecture/, () => check({ 'general.architecture': undefined })],
    [/contains no weights/, () => check({}, [])],
  ];
  for (const [why, run] of refusals) {
    assert.throws(run, (error) => isAppError(error, 'model-unavailable') && why.test(error.message));
  }
});
