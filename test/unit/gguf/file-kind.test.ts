/**
 * Verifies: each kind of file is recognized from its header, and the known architectures are those of the engine.
 * Setup: small files from the writer; the list of architectures in the engine's library.
 * Fails if: a file that can't be served is taken for a model, a model for something else, or an update of the engine
 *   brings an architecture that Idlewatt then refuses.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import * as llama from 'node-llama-cpp';
import {
  DRAFT_ARCHITECTURES,
  PROJECTOR_ARCHITECTURES,
  SERVED_ARCHITECTURES,
  SPEECH_ARCHITECTURES,
} from '../../../main/core/gguf/architectures.ts';
import { fileKind, isPartName, parseGgufHeader } from '../../../main/core/gguf/index.ts';
import { embeddingFile, ggufOf, modelFile } from '../../fakes/gguf.ts';

const TINY = readFileSync(new URL('../../../resources/models/idlewatt-tiny.gguf', import.meta.url));

function kindOf(bytes: Buffer, sizeBytes = bytes.length): string {
  const kind = fileKind(parseGgufHeader(bytes), sizeBytes);
  return kind.use ?? kind.problem;
}

describe('the kind of a file', () => {
  it('is its use, for a model', () => {
    assert.equal(kindOf(TINY), 'chat');
    assert.equal(kindOf(modelFile()), 'text');
    assert.equal(kindOf(modelFile('llama', { 'tokenizer.chat_template': 'short' })), 'chat');
    assert.equal(kindOf(modelFile('llama', { 'tokenizer.chat_template': 'long'.repeat(2_000) })), 'chat');
    assert.equal(kindOf(embeddingFile()), 'embedding');
    assert.equal(kindOf(modelFile('qwen3', { 'qwen3.pooling_type': 3 })), 'embedding');
    assert.equal(kindOf(modelFile('llama', { 'llama.pooling_type': 0 })), 'text');
  });

  it('is the reason, for a file that can’t be served', () => {
    assert.equal(kindOf(ggufOf({ 'general.architecture': 'clip' })), 'vision-only');
    assert.equal(kindOf(modelFile('llama', { 'general.type': 'mmproj' })), 'vision-only');
    assert.equal(kindOf(modelFile('llama', { 'general.type': 'adapter' })), 'addition');
    assert.equal(kindOf(modelFile('eagle3')), 'addition');
    assert.equal(kindOf(modelFile('llama', { 'split.count': 3 })), 'split');
    assert.equal(kindOf(ggufOf({ 'general.architecture': 'llama' }, [])), 'vocabulary-only');
    assert.equal(kindOf(modelFile('bert', { 'bert.pooling_type': 4 })), 'reranker');
    assert.equal(kindOf(modelFile('wavtokenizer-dec')), 'speech');
    assert.equal(kindOf(modelFile('nothing-known')), 'unsupported-architecture');
    assert.equal(kindOf(ggufOf({ 'general.architecture': 'llama' })), 'implausible');
    assert.equal(kindOf(ggufOf({ 'general.name': 'no architecture' })), 'implausible');
  });

  it('is incomplete for every size below that of the last tensor’s end, and never for the whole file', () => {
    const { fileBytesMin } = parseGgufHeader(TINY);
    assert.ok(fileBytesMin <= TINY.length && fileBytesMin > TINY.length - 32);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: TINY.length * 2 }), (size) => {
        assert.equal(kindOf(TINY, size), size < fileBytesMin ? 'incomplete' : 'chat');
      }),
    );
  });

  it('is split by the name of a part, and not by similar names', () => {
    assert.ok(isPartName('a-00001-of-00002.gguf') && isPartName('a-00002-of-00002.GGUF'));
    assert.ok(!isPartName('a-00001-of-00001.gguf') && !isPartName('a-1-of-2.gguf') && !isPartName('of.gguf'));
  });
});

it('the known architectures are exactly those of the engine’s library', () => {
  const known = [SERVED_ARCHITECTURES, DRAFT_ARCHITECTURES, PROJECTOR_ARCHITECTURES, SPEECH_ARCHITECTURES];
  // Declared as a const enum, which has no object for TypeScript.
  const { GgufArchitectureType } = llama as unknown as Record<string, Record<string, string>>;
  const engine = Object.values(GgufArchitectureType ?? {}).filter((name) => name !== '(unknown)');
  assert.deepEqual(known.flatMap((names) => [...names]).toSorted(), engine.toSorted());
});
