/** Writes a Debian package with `dpkg-deb`. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { copyContents, type FpmRequest, filesBelow } from './fpm-request.ts';

/** As `dpkg-deb -Z` names them. */
const COMPRESSIONS = { gz: 'gzip', xz: 'xz', none: 'none' } as const;

/** The file `control`, as Debian's policy describes it. Field values have no line breaks but in the description. */
export function controlFile(request: FpmRequest, installedKib: number): string {
  const rest = request.description === '' ? [] : request.description.split('\n');
  const fields = {
    Package: request.name,
    Version: request.version,
    Architecture: request.architecture,
    Maintainer: request.maintainer,
    'Installed-Size': String(installedKib),
    Depends: request.depends.join(', '),
    Recommends: request.recommends.join(', '),
    Section: 'utils',
    Priority: 'optional',
    Homepage: request.homepage,
    Description: [request.synopsis, ...rest.map((line) => (line === '' ? ' .' : ` ${line}`))].join('\n'),
  };
  const lines = Object.entries(fields).filter(([, value]) => value !== '');
  return `${lines.map(([name, value]) => `${name}: ${value}`).join('\n')}\n`;
}

/** Fails as `dpkg-deb` fails. */
export function writeDeb(request: FpmRequest): void {
  const root = mkdtempSync(join(tmpdir(), 'idlewatt-deb-'));
  try {
    copyContents(request, root);
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
    const parameters = [
      '--root-owner-group',
      `-Z${COMPRESSIONS[request.compression]}`,
      '--build',
      root,
      request.out,
    ];
    execFileSync('dpkg-deb', parameters, { stdio: ['ignore', 'ignore', 'inherit'] });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** dpkg verifies installed files with this hash; it protects against damage, not against attackers. */
function md5(file: string): string {
  return createHash('md5').update(readFileSync(file)).digest('hex');
}
