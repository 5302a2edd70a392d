/**
 * Verifies: every row of a table of threats names a test that exists, and every table is in the index.
 * Setup: small tables with one flaw each.
 * Fails if: a missing file, a missing title, a row without a test or an unlinked table passes, or a right row is refused.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { threatTestProblems } from '../../../scripts/lib/threat-tests.ts';

const TESTS = new Map([
  ['test/unit/a/one.test.ts', "test('a node that lies, too high or too low, is outvoted', () => {"],
  ['test/unit/b/two.test.ts', "  it('stops at the budget of a day', () => {"],
]);
const HEAD =
  '| who attacks or what breaks | what it costs | what holds it | test |\n| --- | --- | --- | --- |\n';
const LINKED = { name: 'docs/threats.md', text: '- [A](threats/a.md)' };

function problems(cell: string, index = LINKED): string[] {
  const row = `| somebody | money | a limit | ${cell} |`;
  return threatTestProblems({ index, tables: new Map([['docs/threats/a.md', `${HEAD}${row}\n`]]) }, TESTS);
}

test('accepts paths, names, shortened titles and the tests of the row before', () => {
  assert.deepEqual(problems('`test/unit/a/one.test.ts` "a node that lies … is outvoted"'), []);
  assert.deepEqual(problems('`two.test.ts` "stops at the budget …", `npm run test:crash`'), []);
  const rows = ['`one.test.ts`', 'the same', '"… too high or too low …"', 'the same, `two.test.ts`'];
  const text = HEAD + rows.map((cell) => `| a | b | c | ${cell} |\n`).join('');
  assert.deepEqual(
    threatTestProblems({ index: LINKED, tables: new Map([['docs/threats/a.md', text]]) }, TESTS),
    [],
  );
});

test('reports what is missing, with its line', () => {
  const only = (cell: string, expected: RegExp) => {
    const found = problems(cell);
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0] ?? '', expected);
  };
  only(
    '`one.test.ts`, `test/unit/a/gone.test.ts`',
    /^docs\/threats\/a.md:3 {2}.*gone.test.ts" doesn't exist/,
  );
  only('`one.test.ts`, `unit/a`', /"unit\/a" doesn't exist/);
  only('`one.test.ts` "stops at the budget …"', /No test of the row has the title/);
  only('`one.test.ts` "is outvoted … a node that lies"', /No test of the row has the title/);
  only('none yet', /names no test/);
  only('`npm run bench`', /names no test/);
  only(' ', /an empty one/);
});

test('reports a table that the index doesn’t link', () => {
  assert.deepEqual(problems('`one.test.ts`', { name: 'docs/threats.md', text: '- [B](threats/b.md)' }), [
    'docs/threats.md  has no link to docs/threats/a.md.',
  ]);
});
