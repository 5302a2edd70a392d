/**
 * Verifies: each reason has its texts once per language, for pages, tray and terminal.
 * Setup: every reason that `statusOf` can return; the catalogs; the source lines of the program, without comments.
 * Fails if: a reason or remedy lacks a text in a language, a placeholder is left in one, or a text of the catalog is
 * written again in the code.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonLines } from '../../../main/agent-commands/why.ts';
import type { AgentState } from '../../../shared/api/state.ts';
import { decisionOf, presenceReasonSchema } from '../../../shared/presence.ts';
import { type Remedy, type StatusReason, statusOf } from '../../../shared/status.ts';
import de from '../../../shared/strings/de.json' with { type: 'json' };
import en from '../../../shared/strings/en.json' with { type: 'json' };
import { LANGUAGES, type StringKey, text } from '../../../shared/strings/index.ts';
import { scriptFor } from '../../fakes/agent-script.ts';
import { codeLines } from '../source-lines.ts';

const busy = scriptFor('busy', Date.UTC(2026, 10, 23, 12)).state;
const ENGINES = ['stopped', 'loading', 'ready', 'restarting', 'gave-up'] as const;
/** Groups whose texts name a reason, a state, an error or a remedy. */
const GROUPS = [
  'why',
  'whyShort',
  'remedy',
  'waiting',
  'notice',
  'problem',
  'terminal',
  'tray',
  'dialog',
] as const;
/** Shorter pieces are everyday phrases. */
const PIECE_LENGTH_MIN = 24;

function everyState(): AgentState['work'][] {
  return presenceReasonSchema.options.flatMap((reason) =>
    ENGINES.flatMap((engine) =>
      [null, 1].flatMap((untilMs) =>
        [[], busy.work.activeJobs].flatMap((activeJobs) =>
          [true, false].map((hasJobSource) => ({
            ...busy.work,
            ...{ engine, hasJobSource, activeJobs: [...activeJobs] },
            presence: { decision: decisionOf(reason), reason, sinceMs: 0, untilMs },
          })),
        ),
      ),
    ),
  );
}

const sentences = everyState().map(statusOf);
const reasons: StatusReason[] = [...new Set(sentences.map(({ why }) => why))];
const remedies: Exclude<Remedy, null>[] = [...new Set(sentences.map(({ remedy }) => remedy))].flatMap(
  (remedy) => (remedy === null ? [] : [remedy]),
);
const VALUES = { count: 2, model: 'M', speed: '', minutes: 5, time: '12:00' };

function keysOf(reason: StatusReason): StringKey[] {
  // The tray's sentence for a job that runs names what it earns.
  return reason === 'serving-idle' || reason === 'serving-always' || reason === 'serving-started'
    ? [`why.${reason}`, 'tray.earning', 'tray.practising']
    : [`why.${reason}`, `whyShort.${reason}`];
}

test('every reason and every remedy has its texts in every language', () => {
  assert.ok(reasons.length >= presenceReasonSchema.options.length);
  const keys = [
    ...reasons.flatMap(keysOf),
    ...remedies.flatMap((remedy): StringKey[] => [`remedy.${remedy}`, `terminal.remedy.${remedy}`]),
  ];
  for (const language of LANGUAGES) {
    for (const key of keys) assert.match(text(language, key, VALUES), /^[^{}]{5,}$/, `${key} in ${language}`);
  }
});

test('the terminal explains every state in every language', () => {
  for (const work of everyState()) {
    for (const language of LANGUAGES) {
      const lines = reasonLines({ ...busy, work }, language);
      assert.match(lines[0] ?? '', /^\p{Lu}.{10,}\.$/u);
      for (const line of lines) assert.doesNotMatch(line, /[{}]|undefined/);
    }
  }
});

test('a plural follows the count, and values are not escaped', () => {
  const values = { model: 'A & B', speed: '' };
  assert.equal(text('en', 'tray.earning', { count: 1 }), 'Earning: 1 job running.');
  assert.equal(text('de', 'tray.earning', { count: 3 }), 'Verdient: 3 Aufträge in Arbeit.');
  assert.ok(text('en', 'why.serving-idle', { ...values, count: 2 }).startsWith('A & B '));
});

/** A text's pieces between its placeholders. */
function piecesOf(node: unknown): string[] {
  if (typeof node === 'string')
    return node.split(/\{\{\w+\}\}/).filter(({ length }) => length >= PIECE_LENGTH_MIN);
  return Object.values(node as Record<string, unknown>).flatMap(piecesOf);
}

test('no text of the catalog is written again in the code', () => {
  const pieces = GROUPS.flatMap((group) => [...piecesOf(en[group]), ...piecesOf(de[group])]);
  assert.ok(pieces.length > 200);
  const lines = codeLines().filter(({ file }) => !file.startsWith('test/'));
  const copies = lines.flatMap(({ file, line, text: code }) =>
    pieces.filter((piece) => code.includes(piece)).map((piece) => `${file}:${line} repeats "${piece}"`),
  );
  assert.deepEqual(copies, []);
});
