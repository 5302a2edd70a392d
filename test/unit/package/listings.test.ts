/**
 * Verifies: the descriptions for package managers, filled for a release, are valid files of their formats and name that
 *   release's packages with their checksums.
 * Setup: the templates of resources/listings, an invented release with the names that electron-builder gives its packages;
 *   a YAML parser, Python's XML parser, and bash for the PKGBUILD.
 * Fails if: a file can't be read, a placeholder is left, a checksum belongs to another file, the AUR's summary differs from
 *   its PKGBUILD, or an unknown package is filled in without a checksum.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { parse } from 'yaml';
import { fillListings, type Release, readChecksums } from '../../../scripts/lib/listings.ts';

const FILES = ['linux-amd64.deb', 'win-x64.exe', 'mac-arm64.dmg', 'mac-x64.dmg'].map(
  (suffix) => `idlewatt-1.2.3-${suffix}`,
);
const sha256 = (name: string) => createHash('sha256').update(name).digest('hex');
const HOMEPAGE = 'https://idlewatt.example/app';
const DOWNLOAD = `${HOMEPAGE}/releases/download/v1.2.3`;
const RELEASE: Release = {
  version: '1.2.3',
  homepage: HOMEPAGE,
  contact: 'packages@idlewatt.example',
  date: '2026-12-01',
  checksums: readChecksums(FILES.map((name) => `${sha256(name)}  ${name}\n`).join('')),
};

const filled = fillListings(RELEASE);
const contentOf = (path: string): string => filled.get(path) ?? assert.fail(`no ${path}`);
const [DEB = '', EXE = '', ARM = '', INTEL = ''] = FILES;

test('winget’s three files are YAML of one version and name the installer', () => {
  const read = (part: string) => parse(contentOf(`winget/Idlewatt.Idlewatt${part}.yaml`));
  const [version, installer, locale] = [read(''), read('.installer'), read('.locale.en-US')];
  for (const { PackageIdentifier, PackageVersion } of [version, installer, locale])
    assert.deepEqual([PackageIdentifier, PackageVersion], ['Idlewatt.Idlewatt', '1.2.3']);
  assert.deepEqual(installer.Installers, [
    { Architecture: 'x64', InstallerUrl: `${DOWNLOAD}/${EXE}`, InstallerSha256: sha256(EXE) },
  ]);
  assert.equal(version.DefaultLocale, locale.PackageLocale);
});

test('the cask has the checksum of each processor and leaves the wallet', () => {
  const cask = contentOf('homebrew/idlewatt.rb');
  assert.match(cask, new RegExp(`arm: +"${sha256(ARM)}",\\s+intel: +"${sha256(INTEL)}"`));
  const named = (arch: string) =>
    /url "(.*)"/.exec(cask)?.[1]?.replaceAll('#{version}', '1.2.3').replace('#{arch}', arch);
  assert.deepEqual(
    ['arm64', 'x64'].map(named),
    [ARM, INTEL].map((name) => `${DOWNLOAD}/${name}`),
  );
  assert.doesNotMatch(cask, /^\s*(?:zap )?trash:.*Support\/Idlewatt"/m);
  const blocks = cask.match(/\bdo$/gm)?.length;
  assert.equal(blocks, cask.match(/^\s*end$/gm)?.length);
});

test('the PKGBUILD runs in bash and says the same as its summary', () => {
  const script = `${contentOf('aur/PKGBUILD')}
declare -F package > /dev/null
for name in pkgdesc pkgver pkgrel url arch license depends provides conflicts options noextract source sha256sums; do
  declare -n values=$name
  for value in "\${values[@]}"; do echo "$name = $value"; done
done`;
  const printed = execFileSync('bash', ['--norc', '-euc', script], { encoding: 'utf8' }).trim().split('\n');
  const summary = contentOf('aur/.SRCINFO')
    .split('\n')
    .filter((line) => line.startsWith('\t'))
    .map((line) => line.trim());
  assert.deepEqual(printed.sort(), summary.sort());
  assert.ok(printed.includes(`source = ${DOWNLOAD}/${DEB}`));
  assert.ok(printed.includes(`sha256sums = ${sha256(DEB)}`));
});

test('the Flatpak manifest is YAML and fetches the deb by its checksum', () => {
  const manifest = parse(contentOf('flatpak/net.idlewatt.app.yml'));
  const [{ url, sha256: checksum }] = manifest.modules[0].sources;
  assert.deepEqual([manifest.id, url, checksum], ['net.idlewatt.app', `${DOWNLOAD}/${DEB}`, sha256(DEB)]);
  for (const command of manifest.modules[0]['build-commands'])
    execFileSync('bash', ['--norc', '-n', '-c', command]);
});

test('the description for software centers is XML with this release', () => {
  const program = `import sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
print(root.findtext('id'), root.find('releases/release').get('version'), root.find('releases/release').get('date'))`;
  const printed = execFileSync('python3', ['-c', program], {
    input: contentOf('flatpak/net.idlewatt.app.metainfo.xml'),
    encoding: 'utf8',
  });
  assert.equal(printed.trim(), 'net.idlewatt.app 1.2.3 2026-12-01');
});

test('a package without a checksum and a line that is none stop the release', () => {
  const checksums = new Map([...RELEASE.checksums].slice(1));
  assert.throws(
    () => fillListings({ ...RELEASE, checksums }),
    /idlewatt-1\.2\.3-linux-amd64\.deb has no checksum/,
  );
  assert.throws(() => readChecksums('abc  file'), /Not a line of sha256sum/);
});
