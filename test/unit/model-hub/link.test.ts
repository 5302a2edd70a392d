/**
 * Verifies: links to model files are read in all their forms, and nothing else passes.
 * Setup: the forms that pages of the hub and other programs use; hostile variants; random texts.
 * Fails if: a usual form is refused, or a link leads to another host, out of its repository or to a file that is no
 *   model.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type HubLink, HubRefusal, parseHubLink } from '../../../main/core/model-hub/index.ts';

const REPO = 'Qwen/Qwen3-4B-GGUF';
const FILE = 'Qwen3-4B-Q4_K_M.gguf';

function read(text: string): readonly (string | null)[] {
  const { repo, revision, file, quantisation } = parseHubLink(text);
  return [repo, revision, file, quantisation];
}

function problemOf(text: string): string {
  try {
    return JSON.stringify(parseHubLink(text));
  } catch (error) {
    assert.ok(error instanceof HubRefusal, String(error));
    return error.problem;
  }
}

describe('a link', () => {
  it('to a repository names no file', () => {
    for (const form of [
      `https://huggingface.co/${REPO}`,
      `http://www.huggingface.co/${REPO}/`,
      `  https://huggingface.co/${REPO}?library=llama-cpp-python#files `,
      `huggingface.co/${REPO}`,
      `HF.co/${REPO}`,
      `hf:${REPO}`,
      `hf://${REPO}`,
      REPO,
      `https://huggingface.co/${REPO}/discussions/3`,
    ])
      assert.deepEqual(read(form), [REPO, null, null, null], form);
    assert.deepEqual(read(`https://huggingface.co/${REPO}/tree/main`), [REPO, 'main', null, null]);
    assert.deepEqual(read(`hf:${REPO}#v1`), [REPO, 'v1', null, null]);
  });

  it('to a file names its path and revision', () => {
    for (const page of ['blob', 'resolve', 'raw'])
      assert.deepEqual(read(`https://huggingface.co/${REPO}/${page}/main/${FILE}?download=true`), [
        REPO,
        'main',
        FILE,
        null,
      ]);
    assert.deepEqual(read(`hf:${REPO}/${FILE}`), [REPO, null, FILE, null]);
    assert.deepEqual(read(`hf:${REPO}/sub/${FILE}@abc123`), [REPO, 'abc123', `sub/${FILE}`, null]);
    assert.deepEqual(read(`https://huggingface.co/${REPO}/blob/main/a%20b%23c.gguf`), [
      REPO,
      'main',
      'a b#c.gguf',
      null,
    ]);
    for (const pull of ['refs%2Fpr%2F1', 'refs/pr/1'])
      assert.deepEqual(read(`https://huggingface.co/${REPO}/blob/${pull}/${FILE}`), [
        REPO,
        'refs/pr/1',
        FILE,
        null,
      ]);
  });

  it('with a quantization names it', () => {
    for (const form of [`${REPO}:Q4_K_M`, `hf:${REPO}:Q4_K_M`, `hf.co/${REPO}:Q4_K_M`])
      assert.deepEqual(read(form), [REPO, null, null, 'Q4_K_M'], form);
  });
});

describe('a link that must not be followed', () => {
  it('to another host, another kind of page or another file is refused by name', () => {
    assert.equal(problemOf(`https://huggingface.co.evil.example/${REPO}`), 'other-host');
    assert.equal(problemOf(`https://evil.example/huggingface.co/${REPO}`), 'other-host');
    assert.equal(problemOf(`https://huggingface.co@evil.example/${REPO}`), 'other-host');
    assert.equal(problemOf(`https://user:key@huggingface.co/${REPO}`), 'no-link');
    assert.equal(problemOf(`https://huggingface.co:8443/${REPO}`), 'no-link');
    assert.equal(problemOf(`file:///${REPO}`), 'no-link');
    assert.equal(problemOf('https://huggingface.co/datasets/owner/data'), 'no-link');
    assert.equal(problemOf(`https://huggingface.co/${REPO}/blob/main/config.json`), 'no-gguf-link');
    assert.equal(problemOf(`https://huggingface.co/${REPO}/blob/main/.gguf`), 'no-gguf-link');
    for (const none of ['', 'qwen', 'a/b c', 'x'.repeat(2_000), 'a/..', '../b', 'a--b/c'])
      assert.equal(problemOf(none), 'no-link', none);
  });

  it('can’t lead out of its repository', () => {
    for (const path of ['..%2F..%2Fapi%2Fx.gguf', '%2e%2e%2fx.gguf', 'a%5C..%5Cx.gguf', 'a%00.gguf'])
      assert.match(problemOf(`https://huggingface.co/${REPO}/blob/main/${path}`), /^no-/, path);
    for (const path of ['../../x.gguf', './x.gguf', 'a//x.gguf', 'a\\x.gguf'])
      assert.match(problemOf(`hf:${REPO}/${path}`), /^no-/, path);
  });

  it('is refused, whatever the text, and what is read is safe in an address', () => {
    const piece = fc.constantFrom(
      'https://',
      'hf:',
      'huggingface.co',
      '/',
      '..',
      '%2e',
      '@',
      ':',
      '#',
      'a',
      FILE,
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((pieces) => pieces.join('')),
        ),
        (text) => {
          let link: HubLink;
          try {
            link = parseHubLink(text);
          } catch (error) {
            assert.ok(error instanceof HubRefusal);
            return;
          }
          assert.match(link.repo, /^[\w][\w.-]*\/[\w][\w.-]*$/);
          assert.ok(!`${link.repo}/${link.revision ?? ''}/${link.file ?? ''}`.split('/').includes('..'));
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
