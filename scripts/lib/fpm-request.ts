/**
 * Reads the command line that electron-builder passes to fpm, for the two kinds of packages that the system's own programs
 * write here. fpm's binary comes from a release page that builds can't rely on.
 */
import { chmodSync, cpSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';

export interface FpmRequest {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly maintainer: string;
  readonly homepage: string;
  readonly target: 'deb' | 'rpm';
  readonly license: string;
  /** One line. */
  readonly synopsis: string;
  /** The long description. */
  readonly description: string;
  readonly depends: readonly string[];
  readonly recommends: readonly string[];
  /** Scripts that run as root after unpacking and after removing. */
  readonly afterInstall: string;
  readonly afterRemove: string;
  /** Files and folders with their absolute paths on the system. */
  readonly contents: readonly { readonly from: string; readonly to: string }[];
  /** Path of the package. */
  readonly out: string;
  readonly compression: 'gz' | 'xz' | 'none';
}

/** electron-builder's names of the methods. */
const COMPRESSIONS: Readonly<Record<string, FpmRequest['compression']>> = {
  gz: 'gz',
  xz: 'xz',
  xzmt: 'xz',
  none: 'none',
};
const targetSchema = z.enum(['deb', 'rpm']);

/** Fails if an option is missing or unknown. */
export function readFpmArguments(argv: readonly string[]): FpmRequest {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      ...{ source: { type: 'string', short: 's' }, target: { type: 'string', short: 't' } },
      ...{ depends: { type: 'string', short: 'd', multiple: true }, force: { type: 'boolean' } },
      'deb-recommends': { type: 'string', multiple: true },
      ...{ 'deb-compression': text, 'deb-priority': text, 'after-install': text, 'after-remove': text },
      ...{ 'rpm-os': text, 'rpm-compression': text, 'rpm-summary': text },
      ...{
        architecture: text,
        description: text,
        version: text,
        package: text,
        name: text,
        maintainer: text,
      },
      ...{ vendor: text, url: text, license: text, category: text },
    },
  });
  const needed = (name: keyof typeof values): string => {
    const value = values[name];
    if (typeof value !== 'string') throw new Error(`Missing option --${name}.`);
    return value;
  };
  const target = targetSchema.safeParse(values.target).data;
  if (target === undefined) throw new Error(`Only deb and rpm can be written, not ${values.target}.`);
  const lines = needed('description')
    .split('\n')
    .map((line) => line.trim());
  // For a deb the first line is the synopsis, which may be empty.
  const synopsis = target === 'rpm' ? values['rpm-summary'] : lines.shift();
  const compression = target === 'rpm' ? values['rpm-compression'] : values['deb-compression'];
  return {
    target,
    name: needed('name'),
    version: needed('version'),
    architecture: needed('architecture'),
    maintainer: needed('maintainer'),
    homepage: needed('url'),
    license: values.license ?? '',
    synopsis: synopsis || (lines.shift() ?? needed('name')),
    description: lines.join('\n'),
    depends: values.depends ?? [],
    recommends: values['deb-recommends'] ?? [],
    afterInstall: needed('after-install'),
    afterRemove: needed('after-remove'),
    contents: positionals.map((mapping) => {
      const at = mapping.indexOf('=');
      return { from: mapping.slice(0, at), to: mapping.slice(at + 1) };
    }),
    out: needed('package'),
    compression: COMPRESSIONS[compression ?? 'xz'] ?? 'xz',
  };
}

/** Copies the contents to their places below `root`. */
export function copyContents({ contents }: FpmRequest, root: string): void {
  for (const { from, to } of contents) {
    const isFolder = statSync(from).isDirectory();
    const target = join(root, isFolder || !to.endsWith('/') ? to : join(to, basename(from)));
    mkdirSync(isFolder ? target : dirname(target), { recursive: true, mode: 0o755 });
    cpSync(from, target, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    if (!isFolder) chmodSync(target, 0o644);
  }
}

/** Sorted absolute paths. */
export function filesBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
