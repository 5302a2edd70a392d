/** Writes a package of another version from a package for tests: its files with the version replaced, uncompressed. */
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The version in the bundles and descriptions of Idlewatt's own code. */
const NAMED = /((?:"version": |var version(?:\$\d+)? = )")(\d+\.\d+\.\d+)(")/g;

/** `version` must be as long as `before`, because offsets in the archive of the app stay. */
export function writeOtherVersion(deb: string, before: string, version: string): string {
  if (version.length !== before.length) throw new Error(`${version} is not as long as ${before}.`);
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-other-version-'));
  const root = join(folder, 'files');
  const resources = join(root, 'opt/Idlewatt/resources');
  try {
    execFileSync('dpkg-deb', ['--raw-extract', deb, root]);
    const agent = join(resources, 'app.asar.unpacked/dist/agent');
    const files = [
      join(resources, 'app.asar'),
      join(agent, 'package.json'),
      ...globSync('main/**/version-*.js', { cwd: agent }).map((name) => join(agent, name)),
    ];
    for (const file of files) replaceVersion(file, before, version);
    const control = join(root, 'DEBIAN/control');
    writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .*$/m, `Version: ${version}`));
    rmSync(join(root, 'DEBIAN/md5sums'));
    const out = deb.replace(`-${before}-`, `-${version}-`);
    execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', root, out], { stdio: 'ignore' });
    return out;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function replaceVersion(file: string, before: string, version: string): void {
  // Latin-1 keeps each byte of the archive.
  const content = readFileSync(file, 'latin1');
  const replaced = content.replace(NAMED, (all, start: string, found: string, end: string) =>
    found === before ? `${start}${version}${end}` : all,
  );
  if (replaced === content) throw new Error(`${file} does not name the version ${before}.`);
  writeFileSync(file, replaced, 'latin1');
}
