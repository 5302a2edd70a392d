/** Fills the descriptions by which package managers find a release (resources/listings) with its version and checksums. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { REPOSITORY } from './places.ts';

export interface Release {
  readonly version: string;
  /** Address of the repository, without a slash at the end. */
  readonly homepage: string;
  /** E-mail address. */
  readonly contact: string;
  /** Day of the release as YYYY-MM-DD. */
  readonly date: string;
  /** SHA-256 by file name. */
  readonly checksums: ReadonlyMap<string, string>;
}

const TEMPLATES = join(REPOSITORY, 'resources/listings');
const PLACEHOLDER = /\{\{(\w+)(?: ([\w.-]+))?\}\}/g;

/** Reads lines of `sha256sum`. Fails at a line that isn't one. */
export function readChecksums(text: string): Map<string, string> {
  return new Map(
    text
      .trim()
      .split('\n')
      .map((line) => {
        const [, sha256, name] = /^([0-9a-f]{64}) [ *](\S+)$/.exec(line) ?? [];
        if (sha256 === undefined || name === undefined) throw new Error(`Not a line of sha256sum: ${line}`);
        return [name, sha256];
      }),
  );
}

/** Paths of the filled files with their content. Fails if a package has no checksum. */
export function fillListings(release: Release): Map<string, string> {
  const { version, homepage, contact, date, checksums } = release;
  const download = `${homepage}/releases/download/v${version}`;
  const values: Readonly<Record<string, string>> = { version, homepage, contact, date, download };
  const fill = (all: string, name: string, suffix: string | undefined): string => {
    if (suffix === undefined) return values[name] ?? all;
    const file = `idlewatt-${version}-${suffix}`;
    const sha256 = checksums.get(file);
    if (sha256 === undefined) throw new Error(`${file} has no checksum.`);
    return sha256;
  };
  return new Map(
    templates().map((path) => {
      const filled = readFileSync(join(TEMPLATES, path), 'utf8').replace(PLACEHOLDER, fill);
      const left = /\{\{.*?\}\}/.exec(filled);
      if (left !== null) throw new Error(`${path} has the unknown placeholder ${left[0]}.`);
      return [path, filled];
    }),
  );
}

export function writeListings(release: Release, folder: string): string[] {
  const filled = fillListings(release);
  for (const [path, content] of filled) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return [...filled.keys()];
}

function templates(): string[] {
  return readdirSync(TEMPLATES, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(TEMPLATES, join(entry.parentPath, entry.name)))
    .sort();
}
