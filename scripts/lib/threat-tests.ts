/** Compares the tables of `docs/threats` with the tests: each row has to name a test that exists. */
import { posix } from 'node:path';

export interface ThreatDocs {
  /** The index, which links to every table. */
  readonly index: { readonly name: string; readonly text: string };
  /** The documents with the tables, by their path. */
  readonly tables: ReadonlyMap<string, string>;
}

const CELLS = 4;
const CODE = /`([^`]+)`/g;
const TITLE = /[“"]([^“”"]+)[”"]/g;
const IS_HEAD = /^\|\s*(who attacks|[-: |]+\|$)/i;

/** `tests`: the text of each test file by its path. Returns a sentence per problem. */
export function threatTestProblems(docs: ThreatDocs, tests: ReadonlyMap<string, string>): string[] {
  const { index, tables } = docs;
  const unlinked = [...tables.keys()].filter(
    (name) => !index.text.includes(`](${posix.relative(posix.dirname(index.name), name)})`),
  );
  return [
    ...unlinked.map((name) => `${index.name}  has no link to ${name}.`),
    ...[...tables].flatMap(([name, text]) => tableProblems(name, text, tests)),
  ];
}

function tableProblems(name: string, text: string, tests: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  let before: readonly string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (!line.startsWith('|') || IS_HEAD.test(line)) continue;
    const report = (problem: string) => problems.push(`${name}:${index + 1}  ${problem}`);
    const cells = line.split('|').slice(1, -1);
    const cell = cells.at(-1) ?? '';
    if (cells.length !== CELLS || cells.some((each) => each.trim() === '')) {
      report(`The row has ${cells.length} cells instead of ${CELLS}, or an empty one.`);
      continue;
    }
    const words = [...cell.matchAll(CODE)].map((match) => match[1] ?? '');
    const named = words.filter((word) => !word.startsWith('npm run '));
    for (const word of named)
      if (filesOf(word, tests).length === 0) report(`The test "${word}" doesn't exist.`);
    const isSame = /\bthe same\b/.test(cell) || named.length === 0;
    const files = [...named.flatMap((word) => filesOf(word, tests)), ...(isSame ? before : [])];
    if (files.length === 0) report('The row names no test.');
    for (const [, title = ''] of cell.matchAll(TITLE)) {
      if (!files.some((file) => hasTitle(tests.get(file) ?? '', title))) {
        report(`No test of the row has the title "${title}".`);
      }
    }
    before = files;
  }
  return problems;
}

/** Returns the test files with this path, or with this name in any folder. */
function filesOf(word: string, tests: ReadonlyMap<string, string>): string[] {
  if (!word.endsWith('.test.ts')) return [];
  if (word.includes('/')) return tests.has(word) ? [word] : [];
  return [...tests.keys()].filter((file) => posix.basename(file) === word);
}

/** A title may be shortened: its parts between ellipses have to be in the same line, in this order. */
function hasTitle(source: string, title: string): boolean {
  const parts = title.split('…').map((part) => part.trim());
  return source.split('\n').some((line) => {
    let from = 0;
    return parts.every((part) => {
      const at = line.indexOf(part, from);
      from = at + part.length;
      return at >= 0;
    });
  });
}
