/**
 * Goal: every language says everything that the pages ask for.
 * Method: the catalogues are compared key by key, placeholder by placeholder; the source's literal keys and
 * the closed unions that keys are made of are looked up.
 * Would break: a key added to one language only, a placeholder lost in translation, an error without words.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { noticeSchema } from '../../../shared/api/state.ts';
import { ERROR_CODES } from '../../../shared/errors.ts';
import { jobStateSchema } from '../../../shared/jobs.ts';
import { FORESEEN_REASONS } from '../../../shared/presence.ts';
import { SANDBOX_PARTS, sandboxStateSchema } from '../../../shared/sandbox.ts';
import de from '../../../shared/strings/de.json' with { type: 'json' };
import en from '../../../shared/strings/en.json' with { type: 'json' };

const RENDERER = fileURLToPath(new URL('../../../renderer/', import.meta.url));

function flatten(node: unknown, prefix = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(node as Record<string, unknown>)) {
    if (typeof value === 'string') found.set(prefix + name, value);
    else for (const [key, text] of flatten(value, `${prefix}${name}.`)) found.set(key, text);
  }
  return found;
}

const catalogues = { en: flatten(en), de: flatten(de) };
const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();

test('both languages have the same keys', () => {
  assert.deepEqual([...catalogues.de.keys()].sort(), [...catalogues.en.keys()].sort());
});

test('no text is empty, and a translation keeps its placeholders', () => {
  for (const [key, text] of catalogues.en) {
    const german = catalogues.de.get(key) ?? '';
    assert.ok(text.trim() && german.trim(), key);
    assert.deepEqual(placeholders(german), placeholders(text), key);
  }
});

test('German was translated, not copied', () => {
  const copied = [...catalogues.en].filter(
    ([key, text]) => catalogues.de.get(key) === text && text.length > 24,
  );
  assert.deepEqual(copied, []);
});

test('every key that the source names exists', () => {
  const has = (key: string) => ['', '_one', '_other'].some((end) => catalogues.en.has(key + end));
  let found = 0;
  for (const entry of readdirSync(RENDERER, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue;
    const source = readFileSync(join(entry.parentPath, entry.name), 'utf8');
    for (const match of source.matchAll(/\bt\(\s*'([^']+)'/g)) {
      found += 1;
      assert.ok(has(match[1] ?? ''), `${entry.name}: ${match[1]}`);
    }
  }
  assert.ok(found > 100, `only ${found} keys were found in the source`);
});

test('every error, notice, job state, part of the sandbox and stretch of a day has its words', () => {
  const wanted = [
    ...ERROR_CODES.flatMap((code) => ['what', 'money', 'next'].map((part) => `problem.${code}.${part}`)),
    ...noticeSchema.shape.code.options.flatMap((code) =>
      ['what', 'money', 'next'].map((part) => `notice.${code}.${part}`),
    ),
    ...FORESEEN_REASONS.map((reason) => `ahead.${reason}`),
    ...SANDBOX_PARTS.flatMap((part) => [`sandbox.part.${part}`, `sandbox.meaning.${part}`]),
    ...sandboxStateSchema.exclude(['in-force']).options.map((state) => `sandbox.missing.${state}`),
    ...jobStateSchema.options.flatMap((state) => [`job.state.${state}`, `job.meaning.${state}`]),
  ];
  assert.deepEqual(
    wanted.filter((key) => !catalogues.en.has(key)),
    [],
  );
});
