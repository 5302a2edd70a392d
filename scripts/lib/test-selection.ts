/** Selects test files by the arguments of `npm test`. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';

/** The folders of test/ that contain tests, fast ones first. */
export const TEST_GROUPS = ['unit', 'contract', 'agent', 'desktop'] as const;
export type TestGroup = (typeof TEST_GROUPS)[number];

export type TestSelection =
  | { readonly problem: null; readonly files: ReadonlyMap<TestGroup, readonly string[]> }
  | { readonly problem: string };

/**
 * A line of a test's head that makes it a lab: it builds a network of machines, fills a disk or kills processes over and
 * over, which takes minutes and needs root. The reason follows.
 */
const LAB = headLine('Lab');
/** The argument that selects labs. Without it, and without a path or word, they are left out. */
export const LABS = 'labs';

/** A line of a test's head with which it excludes other files while it runs; the reason follows. */
const ALONE = headLine('Alone');
/** A line of a test's head with which few other files run at the same time, because it uses timers; the reason follows. */
const QUIET = headLine('Quiet');
/** A line of a test's head with which it starts before the others of its group; the reason follows. */
const LONG = headLine('Long');
/** A line of a test's head with which it has a process of its own; the reason follows. */
const OWN_PROCESS = headLine('Own process');

function headLine(mark: string): RegExp {
  return new RegExp(String.raw`^(?://| \*) +${mark}: \S`, 'm');
}

/** Loading the program takes longer than most unit tests; a file that starts agents or windows has its own process. */
const FILES_PER_PROCESS: Readonly<Record<TestGroup, number>> = {
  unit: 64,
  contract: 16,
  agent: 1,
  desktop: 1,
};

/** Test files by process. */
export interface TestPlan {
  /** Processes that share the machine, in the order of their start. */
  readonly together: readonly (readonly string[])[];
  /** Processes after those, of which two run at the same time. */
  readonly quiet: readonly (readonly string[])[];
  /** Processes that exclude all others while they run. */
  readonly alone: readonly (readonly string[])[];
}

interface Places {
  /** Folder that contains test/. */
  readonly root: string;
  /** Folder from which paths in the arguments are resolved, before the root. */
  readonly currentFolder: string;
}

/**
 * Each argument is a group, the path of a file or folder, {@link LABS}, or a word. A file is selected if it lies in one of
 * the groups or paths (all groups if there are none) and, if there are words, its path contains one of them; if it is a
 * lab, also one of these arguments must ask for it.
 */
export function selectTests(words: readonly string[], places: Places): TestSelection {
  const groups = TEST_GROUPS.filter((group) => words.includes(group));
  const paths = words.flatMap((word) => existingPath(word, places) ?? []);
  const filters = words.filter(
    (word) =>
      word !== LABS && !TEST_GROUPS.some((group) => group === word) && existingPath(word, places) === null,
  );
  const onlyLabs = words.includes(LABS);
  const withLabs = paths.length + filters.length > 0;
  const files = new Map<TestGroup, readonly string[]>();
  for (const group of TEST_GROUPS) {
    const folder = join(places.root, 'test', group);
    const isSelected = (file: string) =>
      (groups.length + paths.length === 0 ||
        groups.includes(group) ||
        paths.some((path) => file === path || file.startsWith(path + sep))) &&
      (filters.length === 0 || filters.some((word) => slashed(relative(places.root, file)).includes(word))) &&
      (onlyLabs ? isLab(file) : withLabs || !isLab(file));
    const selected = testFiles(folder).filter(isSelected);
    if (selected.length > 0) files.set(group, selected);
  }
  if (files.size === 0) return { problem: `No test file matches: ${words.join(' ')}` };
  return { problem: null, files };
}

/**
 * Plans the run of the selected files. Unit tests start first, because they tell most in the shortest time. The files
 * that take long follow, so that none of them runs at the end while the other processors have nothing left.
 */
export function planTests(selected: ReadonlyMap<TestGroup, readonly string[]>): TestPlan {
  const heads = new Map([...selected.values()].flat().map((file) => [file, headOf(file)]));
  const has = (mark: RegExp) => (file: string) => mark.test(heads.get(file) ?? '');
  const marked = (mark: RegExp) => [...heads.keys()].filter(has(mark));
  const [alone, quiet] = [marked(ALONE), marked(QUIET)];
  const batches = TEST_GROUPS.map((group) => {
    const files = (selected.get(group) ?? []).filter(
      (file) => !alone.includes(file) && !quiet.includes(file),
    );
    return { group, batches: inBatches(files, FILES_PER_PROCESS[group], has(OWN_PROCESS)) };
  });
  const fast = batches.filter(({ group }) => group === 'unit').flatMap((each) => each.batches);
  const others = batches.filter(({ group }) => group !== 'unit').flatMap((each) => each.batches);
  const isLong = (batch: readonly string[]) => batch.some(has(LONG));
  const together = [...fast, ...others.filter(isLong), ...others.filter((batch) => !isLong(batch))];
  const single = (files: readonly string[]) => files.map((file) => [file]);
  return { together, quiet: single(quiet), alone: single(alone) };
}

/**
 * Divides files by the process that runs them, up to `size` in each. Those that need one of their own start first.
 */
function inBatches(files: readonly string[], size: number, needsOwn: (file: string) => boolean): string[][] {
  const single = files.filter(needsOwn);
  const shared = files.filter((file) => !single.includes(file));
  const batches = single.map((file) => [file]);
  for (let at = 0; at < shared.length; at += size) batches.push(shared.slice(at, at + size));
  return batches;
}

function isLab(file: string): boolean {
  return LAB.test(headOf(file));
}

function headOf(file: string): string {
  const [head = ''] = readFileSync(file, 'utf8').split(/^import /m, 1);
  return head;
}

function slashed(path: string): string {
  return path.split(sep).join('/');
}

function testFiles(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(folder, name))
    .sort();
}

/** Returns the absolute path that a word names; null if it is a group or a plain word. */
function existingPath(word: string, { root, currentFolder }: Places): string | null {
  if (!/[/\\.]/.test(word)) return null;
  return (
    [currentFolder, root].map((folder) => resolve(folder, word)).find((path) => existsSync(path)) ?? null
  );
}
