/** The repository's own TypeScript, line by line without comment lines: for tests that search the source. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

export interface SourceLine {
  /** From the root, with forward slashes. */
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly text: string;
}

const ROOT = join(import.meta.dirname, '..', '..');
const FOLDERS = ['main', 'preload', 'renderer', 'shared', 'scripts', 'test', 'native'];
const COMMENT = /^\s*(\/\/|\/\*|\*)/;

/** Every line of code in .ts and .tsx files. */
export function codeLines(): SourceLine[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
      .flatMap((entry) => linesOf(join(entry.parentPath, entry.name))),
  );
}

function linesOf(path: string): SourceLine[] {
  const file = relative(ROOT, path).split(sep).join('/');
  return readFileSync(path, 'utf8')
    .split('\n')
    .map((text, index) => ({ file, line: index + 1, text }))
    .filter(({ text }) => !COMMENT.test(text));
}
