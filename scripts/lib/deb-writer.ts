/**
 * Writes a Debian package with `dpkg-deb` from the command line that electron-builder passes to fpm, whose binary comes
 * from a release page that builds can't rely on. Takes only the options that electron-builder uses for a deb.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';

export interface DebRequest {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly maintainer: string;
  readonly homepage: string;
  /** The first line is the synopsis; the rest is the long description. */
  readonly description: string;
  readonly priority: string;
  readonly depends: readonly string[];
  readonly recommends: readonly string[];
  /** Scripts that run as root after unpacking and after removing. */
  readonly afterInstall: string;
  readonly afterRemove: string;
  /** Files and folders with their absolute paths on the system; a folder's ends with a slash. */
  readonly contents: readonly { readonly from: string; readonly to: string }[];
  /** Path of the package. */
  readonly out: string;
  /** As in `dpkg-deb -Z`. */
  readonly compression: string;
}

/** electron-builder's names of the methods, as `dpkg-deb` names them. */
const COMPRESSIONS: Readonly<Record<string, string>> = { gz: 'gzip', xz: 'xz' };

/** Fails if an option is missing or unknown. */
export function readFpmArguments(argv: readonly string[]): DebRequest {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      ...{ source: { type: 'string', short: 's' }, target: { type: 'string', short: 't' } },
      ...{ depends: { type: 'string', short: 'd', multiple: true }, force: { type: 'boolean' } },
      'deb-recommends': { type: 'string', multiple: true },
      ...{ 'deb-compression': text, 'deb-priority': text, 'after-install': text, 'after-remove': text },
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
  if (values.target !== 'deb')
    throw new Error(`Only packages of type deb can be written, not ${values.target}.`);
  return {
    name: needed('name'),
    version: needed('version'),
    architecture: needed('architecture'),
    maintainer: needed('maintainer'),
    homepage: needed('url'),
    description: needed('description'),
    priority: values['deb-priority'] ?? 'optional',
    depends: values.depends ?? [],
    recommends: values['deb-recommends'] ?? [],
    afterInstall: needed('after-install'),
    afterRemove: needed('after-remove'),
    contents: positionals.map((mapping) => {
      const at = mapping.indexOf('=');
      return { from: mapping.slice(0, at), to: mapping.slice(at + 1) };
    }),
    out: needed('package'),
    compression: COMPRESSIONS[values['deb-compression'] ?? 'xz'] ?? 'xz',
  };
}

/** The file `control`, as Debian's policy describes it. Field values have no line breaks but in the description. */
export function controlFile(request: DebRequest, installedKib: number): string {
  const [synopsis = '', ...rest] = request.description.split('\n').map((line) => line.trim());
  const title = synopsis === '' ? (rest.shift() ?? request.name) : synopsis;
  const fields = {
    Package: request.name,
    Version: request.version,
    Architecture: request.architecture,
    Maintainer: request.maintainer,
    'Installed-Size': String(installedKib),
    Depends: request.depends.join(', '),
    Recommends: request.recommends.join(', '),
    Section: 'utils',
    Priority: request.priority,
    Homepage: request.homepage,
    Description: [title, ...rest.map((line) => (line === '' ? ' .' : ` ${line}`))].join('\n'),
  };
  const lines = Object.entries(fields).filter(([, value]) => value !== '');
  return `${lines.map(([name, value]) => `${name}: ${value}`).join('\n')}\n`;
}

/** Fails as `dpkg-deb` fails. */
export function writeDeb(request: DebRequest): void {
  const root = mkdtempSync(join(tmpdir(), 'idlewatt-deb-'));
  try {
    for (const { from, to } of request.contents) {
      const isFolder = statSync(from).isDirectory();
      const target = join(root, isFolder || !to.endsWith('/') ? to : join(to, basename(from)));
      mkdirSync(isFolder ? target : dirname(target), { recursive: true, mode: 0o755 });
      cpSync(from, target, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
      if (!isFolder) chmodSync(target, 0o644);
    }
    const files = filesBelow(root);
    const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
    const control = join(root, 'DEBIAN');
    mkdirSync(control, { mode: 0o755 });
    writeFileSync(join(control, 'control'), controlFile(request, Math.ceil(bytes / 1024)));
    writeFileSync(
      join(control, 'md5sums'),
      files.map((file) => `${md5(file)}  ${relative(root, file)}\n`).join(''),
    );
    for (const [name, from] of [
      ['postinst', request.afterInstall],
      ['postrm', request.afterRemove],
    ] as const) {
      writeFileSync(join(control, name), readFileSync(from), { mode: 0o755 });
    }
    chmodSync(root, 0o755);
    const parameters = ['--root-owner-group', `-Z${request.compression}`, '--build', root, request.out];
    execFileSync('dpkg-deb', parameters, { stdio: ['ignore', 'ignore', 'inherit'] });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function filesBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** dpkg verifies installed files with this hash; it protects against damage, not against attackers. */
function md5(file: string): string {
  return createHash('md5').update(readFileSync(file)).digest('hex');
}

if (import.meta.main) writeDeb(readFpmArguments(process.argv.slice(2)));
