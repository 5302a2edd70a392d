/**
 * Verifies: every language has a text for everything that the pages show, and English follows the house style.
 * Setup: compares the catalogs key by key and placeholder by placeholder; looks up the source's literal keys and
 *   the closed unions that keys are built from.
 * Fails if: a key exists in one language only, a translation lost a placeholder, an error has no text, or an English
 *   text has a straight apostrophe, a space before … or %, or British spelling.
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

const catalogs = { en: flatten(en), de: flatten(de) };
const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();

test('both languages have the same keys', () => {
  assert.deepEqual([...catalogs.de.keys()].sort(), [...catalogs.en.keys()].sort());
});

test('no text is empty, and a translation keeps its placeholders', () => {
  for (const [key, text] of catalogs.en) {
    const german = catalogs.de.get(key) ?? '';
    assert.ok(text.trim() && german.trim(), key);
    assert.deepEqual(placeholders(german), placeholders(text), key);
  }
});

test('English texts use ’ and …, symbols next to their numbers, and American spelling', () => {
  const wrong = [...catalogs.en].filter(([, text]) =>
    /'|\.\.\.|\s…|[\d}] %|± |catalogue|licence|colour|cancelled|pass phrase/i.test(text),
  );
  assert.deepEqual(wrong, []);
});

test('German texts are translated, not copied', () => {
  const copied = [...catalogs.en].filter(([key, text]) => catalogs.de.get(key) === text && text.length > 24);
  assert.deepEqual(copied, []);
});

test('every literal key in the source exists', () => {
  const has = (key: string) => ['', '_one', '_other'].some((end) => catalogs.en.has(key + end));
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

test('every error, notice, job state, sandbox part and schedule preview reason has its text', () => {
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
    wanted.filter((key) => !catalogs.en.has(key)),
    [],
  );
});
