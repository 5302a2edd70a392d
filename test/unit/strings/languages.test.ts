/**
 * Verifies: every language of the interface has the whole catalog, in texts that fit where the English ones fit.
 * Setup: reads each language's JSON file and compares it with English, text by text; also asks the catalog that the
 *   desktop shell and the terminal use.
 * Fails if: a key is missing or left over (a plural may have more forms than in English, but has all that its language
 *   needs), a placeholder is lost or new, a text is empty or too long, a language of the list has no catalog, or no code
 *   shows a text any longer.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { text } from '../../../shared/strings/index.ts';
import { LANGUAGE_NAMES, LANGUAGES, type Language } from '../../../shared/strings/languages.ts';

/** Limits of a translation's length. Long texts may grow by a ratio, short labels by a number of characters. */
const MAX_RATIO = 1.6;
const MAX_EXTRA_CHARACTERS = 37;

const PLURAL_FORM = /_(zero|one|two|few|many|other)$/;

function flatten(node: unknown, prefix = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(node as Record<string, unknown>)) {
    if (typeof value === 'string') found.set(prefix + name, value);
    else for (const [key, inner] of flatten(value, `${prefix}${name}.`)) found.set(key, inner);
  }
  return found;
}

const read = (language: Language) =>
  flatten(
    JSON.parse(readFileSync(new URL(`../../../shared/strings/${language}.json`, import.meta.url), 'utf8')),
  );
const placeholders = (written: string) =>
  [...written.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name).sort();

const english = read('en');

/** English's keys, each plural with the forms that the language distinguishes. */
function keysFor(language: Language): string[] {
  const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
  const keys = [...english.keys()].flatMap((key) => {
    const stem = key.replace(PLURAL_FORM, '');
    return stem === key ? [key] : forms.map((form) => `${stem}_${form}`);
  });
  return [...new Set(keys)].sort();
}

/** The English text of a key; of the general plural form if English lacks this one. */
const englishOf = (key: string) =>
  english.get(key) ?? english.get(key.replace(PLURAL_FORM, '_other')) ?? assert.fail(key);

for (const language of LANGUAGES) {
  const catalog = read(language);

  test(`${language} has every key, with the plural forms of the language`, () => {
    assert.deepEqual([...catalog.keys()].sort(), keysFor(language));
  });

  test(`${language} keeps the placeholders of each text, and no text is empty`, () => {
    for (const [key, written] of catalog) {
      assert.ok(written.trim(), key);
      assert.deepEqual(placeholders(written), placeholders(englishOf(key)), key);
    }
  });

  test(`${language} has no text much longer than the English one`, () => {
    const long = [...catalog].filter(([key, { length }]) => {
      const base = englishOf(key).length;
      return length > Math.max(base * MAX_RATIO, base + MAX_EXTRA_CHARACTERS);
    });
    assert.deepEqual(long, []);
  });

  test(`${language} loads, and has a name to choose it by`, () => {
    assert.equal(text(language, 'common.cancel'), catalog.get('common.cancel'));
    const other = new Intl.PluralRules(language).select(2);
    assert.equal(
      text(language, 'tokens', { count: 2 }),
      catalog.get(`tokens_${other}`)?.replace('{{count}}', '2'),
    );
    assert.equal(
      LANGUAGE_NAMES[language],
      new Intl.DisplayNames(language, { type: 'language' })
        .of(language)
        ?.replace(/^./u, (first) => first.toLocaleUpperCase(language)),
    );
  });
}

test('every text is named by code, or by a prefix that code completes', () => {
  const root = new URL('../../../', import.meta.url);
  const code = ['main', 'preload', 'renderer', 'shared']
    .flatMap((folder) =>
      readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.tsx?$/.test(name))
        .map((name) => readFileSync(new URL(`${folder}/${name}`, root), 'utf8')),
    )
    .join('\n');
  const named = new Set([...code.matchAll(/(['"`])([\w.-]+)\1/g)].map(([, , key = '']) => key));
  const completed = new Set([...code.matchAll(/`([\w.-]+\.)\$\{/g)].map(([, prefix = '']) => prefix));
  const isCompleted = (key: string) =>
    [...key.matchAll(/\./g)].some(({ index }) => completed.has(key.slice(0, index + 1)));
  const stems = new Set([...english.keys()].map((key) => key.replace(PLURAL_FORM, '')));
  assert.deepEqual(
    [...stems].filter((key) => !named.has(key) && !isCompleted(key)),
    [],
  );
});
