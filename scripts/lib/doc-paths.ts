/** Finds the repository's paths that a document names, in links and in code, and reports those that don't exist. */
import { posix } from 'node:path';

/** A repository's files and folders by their path from its root, with forward slashes and without one at the end. */
export interface RepositoryPaths {
  readonly files: ReadonlySet<string>;
  readonly folders: ReadonlySet<string>;
}

const LINK = /\]\(([^()\s]+)\)/g;
/** A fenced block, or a span between backticks on one line. */
const CODE = /^```[^\n]*\n(.*?)^```|`([^`\n]+)`/gms;
const SOURCE_NAME = /^[\w.-]+\.tsx?$/;
/** Placeholders (`<home>`, `NNNN`), globs and variables have other characters, or are named here. */
const PLAIN = /^[\w./-]+$/;
const PLACEHOLDER = /NNNN/;

/** Returns one sentence per path that a document names and the repository doesn't have. */
export function docPathProblems(docs: ReadonlyMap<string, string>, paths: RepositoryPaths): string[] {
  const names = new Set([...paths.files].map((file) => posix.basename(file)));
  const exists = (path: string) => path === '.' || paths.files.has(path) || paths.folders.has(path);
  const problems: string[] = [];
  for (const [doc, text] of docs) {
    for (const { target, line } of linksIn(text)) {
      const path = withoutEnd(posix.join(posix.dirname(doc), decodeURIComponent(target)));
      if (!exists(path)) problems.push(`${doc}:${line}  The link target "${target}" doesn't exist.`);
    }
    for (const { word, line } of codeWordsIn(text)) {
      const path = withoutEnd(word);
      const [first = ''] = path.split('/');
      const isKnown = path.includes('/') ? !paths.folders.has(first) || exists(path) : isName(path, names);
      if (!isKnown) problems.push(`${doc}:${line}  The path "${word}" doesn't exist.`);
    }
  }
  return problems;
}

/** True for a word that is no source file's name, and for the name of a file somewhere in the repository. */
function isName(word: string, names: ReadonlySet<string>): boolean {
  return !SOURCE_NAME.test(word) || names.has(word);
}

function linksIn(text: string): { target: string; line: number }[] {
  return [...text.matchAll(LINK)].flatMap((match) => {
    const target = (match[1] ?? '').replace(/#.*$/, '');
    // Another place in the same document, or a URL.
    if (target === '' || /^[a-z][a-z0-9+.-]*:/i.test(target)) return [];
    return [{ target, line: lineOf(text, match.index) }];
  });
}

function codeWordsIn(text: string): { word: string; line: number }[] {
  return [...text.matchAll(CODE)].flatMap((match) => {
    const code = match[1] ?? match[2] ?? '';
    const start = match.index + match[0].indexOf(code);
    return [...code.matchAll(/\S+/g)].flatMap((found) => {
      const word = found[0].replace(/^["'(]+|[.,;:)"']+$/g, '');
      if (!PLAIN.test(word) || PLACEHOLDER.test(word)) return [];
      return [{ word, line: lineOf(text, start + found.index) }];
    });
  });
}

function withoutEnd(path: string): string {
  return path.replace(/\/+$/, '') || '.';
}

/** The 1-based line of an offset. */
function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
