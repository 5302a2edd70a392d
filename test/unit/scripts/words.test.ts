/**
 * Verifies: the check of words finds banned phrases, British spellings and misplaced question words in comments, docs,
 * test titles, messages and interface strings, with their line, and nothing in code, wire values or German.
 * Setup: short made-up files of each kind; the command on a temporary file.
 * Fails if: a phrase is missed because a line breaks inside it, an identifier or a literal is taken for prose, a correct
 * sentence is reported, or the command passes in spite of a finding.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { REPOSITORY } from '../../../scripts/lib/places.ts';
import { readProse } from '../../../scripts/lib/prose.ts';
import { findWords } from '../../../scripts/lib/words.ts';

function phrases(text: string, file = 'main/a.ts'): string[] {
  return findWords(file, text).map(({ phrase }) => phrase);
}

test('finds each banned phrase in a comment', () => {
  const banned = [
    ...['starts at once', 'starts by itself', 'of its own accord', 'work goes on', 'the file is kept'],
    ...[
      'a rule in force',
      'power is dear',
      'there is no saying when',
      'the client who asks',
      'he who does not ask',
    ],
    ...[
      'the answer is believed',
      'the page is told',
      'what hears of it',
      'one press mends it',
      'heeds the lid',
    ],
    ...[
      'what is owed',
      'starts anew',
      'runs beside it',
      'also when it fails',
      'stays as it is.',
      'three in all.',
    ],
    ...[
      'the limit stands',
      'until the next look',
      'the receipt holds.',
      '61 tokens a second',
      'the agent says no',
    ],
    ...['the provider wants it', 'the owner’s hand', 'the purse', 'the provider’s till', 'the module’s door'],
    ...['the secret desk', 'written to the books', 'is booked', 'the seller', 'the pass phrase'],
    ...[
      'a stand-in',
      'a bent receipt',
      'the graphics card',
      'each spend',
      'Tells whether it runs',
      'for so long',
      'two bookings',
      'it ran all the same.',
      'is set: kept aside',
      'a clock moved by hand',
      'ends whatever hangs',
      'a lying node',
      'in cheap hours',
      'waits whilst it runs',
      'the time of giving back',
    ],
  ];
  for (const phrase of banned) assert.equal(phrases(`const a = 1; // Note: ${phrase}`).length, 1, phrase);
});

test('finds British spellings', () => {
  for (const word of [
    'behaviour',
    'colours',
    'recognised',
    'cancelled',
    'licence',
    'centre',
    'catalogue',
    'towards',
  ]) {
    assert.deepEqual(phrases(`// The ${word} of it.`), [word]);
  }
});

test('accepts correct sentences with similar words', () => {
  const correct = [
    ...[
      'Retries once a minute.',
      'The screen is kept on by a film.',
      'Why things are as they are is in docs.',
    ],
    ...[
      'A file whose hash differs.',
      'Colors, licenses, canceled, centers, promise, exercise, advertise, comprise.',
    ],
    ...[
      'Holds the money.',
      'The fee goes onto the chain.',
      'Moves an hour later.',
      'The owner wants a model.',
    ],
    ...[
      'Until the next lookup.',
      'A handbook of indoor plants.',
      'The amount owed.',
      'It depends on who pays.',
    ],
  ];
  for (const sentence of correct) assert.deepEqual(phrases(`const a = 1; // ${sentence}`), [], sentence);
});

test('rejects file heads, doc comments, test titles and headings that begin with a question word', () => {
  assert.deepEqual(phrases('/** What it does. */\nconst a = 1;\n/** Whether it runs. */\nconst b = 2;\n'), [
    'What',
    'Whether',
  ]);
  assert.deepEqual(phrases("test('what fails is retried', () => {});", 'test/a.ts'), ['what']);
  assert.deepEqual(phrases("it('who pauses is skipped', () => {});", 'test/a.ts'), ['who', 'who']);
  assert.deepEqual(phrases('# Ledger\n\n## How it works\n', 'docs/a.md'), ['## How']);
  assert.deepEqual(phrases('const a = 1;\n// Why this is safe: nothing reads it.\n'), []);
});

test('reads comments of every language, and strings of the English interface only', () => {
  const files: [string, string][] = [
    ...(['a.c', 'a.h', 'a.sol', 'a.css'] as const).map((file): [string, string] => [
      file,
      '/* Runs anew. */',
    ]),
    ...(['a.yml', 'a.py', '.gitignore'] as const).map((file): [string, string] => [file, '# Runs anew.']),
    ['a.html', '<!-- Runs anew. -->'],
    ['a.md', 'Runs anew.'],
    ['a.tsx', 'const a = <p>{/* Runs anew. */}</p>;'],
    ['shared/strings/en.json', '{\n  "a": "Runs anew."\n}'],
  ];
  for (const [file, text] of files) assert.deepEqual(phrases(text, file), ['anew'], file);
  assert.equal(readProse('shared/strings/de.json', '{\n  "a": "Runs anew."\n}'), null);
  assert.equal(readProse('icon.png', ''), null);
});

test('ignores code: identifiers, literals, inline code, code blocks, links', () => {
  assert.deepEqual(
    phrases('const anew = /anew/; const b = "anew // anew"; const c = `anew /* anew */`;'),
    [],
  );
  assert.deepEqual(phrases('// The value `in-force` and {@link anew}, see https://example.org/anew.'), []);
  assert.deepEqual(phrases('Run `anew`.\n\n```\nanew\n```\n\n[Docs](docs/anew.md)\n', 'a.md'), []);
  assert.deepEqual(phrases('const a = <p className="x">It’s // anew</p>;', 'a.tsx'), []);
  assert.deepEqual(phrases('#define A "anew // anew"\n', 'a.c'), []);
});

test('reads messages of the program, and not the data of tests', () => {
  const text = "throw new Error('Cannot start it anew today.'); const id = 'anew'; const short = 'Try anew';";
  assert.deepEqual(phrases(text), ['anew']);
  assert.deepEqual(phrases(text, 'test/a.ts'), []);
});

test('rejects "at most" in interface strings only', () => {
  assert.deepEqual(phrases('{\n  "a": "at most {{count}} places"\n}', 'shared/strings/en.json'), ['at most']);
  assert.deepEqual(phrases('const a = 1; // Takes at most 3.'), []);
});

test('finds a phrase at its line wherever it is and wherever its line breaks (property)', () => {
  const filler = fc.array(
    fc.constantFrom('', 'const a = 1;', "const s = '// no';", '// A note.', '/** A doc. */'),
    {
      maxLength: 8,
    },
  );
  const form = fc.constantFrom<(before: string, after: string) => string[]>(
    (before, after) => [`// Starts ${before} ${after}.`],
    (before, after) => [`// Starts ${before}`, `// ${after}.`],
    (before, after) => ['/**', ` * Starts ${before}`, ` * ${after}.`, ' */'],
    (before, after) => [`  const t = 2; /* ${before} ${after} */`],
  );
  fc.assert(
    fc.property(filler, form, filler, (above, build, below) => {
      const lines = build('at', 'once');
      const found = findWords('main/a.ts', [...above, 'let x = 0;', ...lines, 'x++;', ...below].join('\n'));
      const line = above.length + 2 + lines.findIndex((text) => / at\b/.test(text));
      assert.deepEqual(
        found.map(({ phrase, line }) => ({ phrase, line })),
        [{ phrase: 'at once', line }],
      );
    }),
  );
});

test('the command names file, line, replacement and reason, and fails', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-words-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'a.md');
  const check = (text: string) => {
    writeFileSync(file, text);
    const command = join(REPOSITORY, 'scripts/commands/check-words.ts');
    return spawnSync(process.execPath, [command, file], { encoding: 'utf8' });
  };
  assert.equal(check('Runs again.\n').status, 0);
  const { status, stderr } = check('One line.\nRuns anew.\n');
  assert.equal(status, 1);
  assert.match(stderr, /a\.md:2 {2}“anew”: again \(archaic/);
});
