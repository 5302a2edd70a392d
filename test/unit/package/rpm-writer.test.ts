/**
 * Verifies: a request as electron-builder makes it of fpm becomes a package that rpm reads, and its script for removing
 *   does nothing when a newer package replaces it.
 * Setup: its options for an rpm with one small folder; the real `rpmbuild` and `rpm`.
 * Fails if: a field, a dependency or a file is lost, a percent sign is expanded, or an upgrade removes the command.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFpmArguments } from '../../../scripts/lib/fpm-request.ts';
import { writeRpm } from '../../../scripts/lib/rpm-writer.ts';

const LINUX = { skip: process.platform === 'linux' ? false : 'rpmbuild is only on Linux' };

function argumentsFor(folder: string): string[] {
  const at = (name: string) => join(folder, name);
  return [
    ...['-s', 'dir', '--force', '-t', 'rpm', '-d', 'gtk3', '-d', '(a or b)', '-d', 'glibc >= 2.35'],
    ...['--rpm-os', 'linux', '--rpm-compression', 'xzmt', '--architecture', 'x86_64'],
    ...[
      '--after-install',
      at('install'),
      '--after-remove',
      at('remove'),
      '--description',
      'Sells 100% of it',
    ],
    ...['--version', '1.2.3', '--package', at('out.rpm'), '--name', 'thing'],
    ...['--maintainer', 'We <we@idlewatt.example>', '--vendor', 'We', '--url', 'https://idlewatt.example'],
    ...['--rpm-summary', 'Sells', '--license', 'MIT'],
    ...[`${at('app')}/=/opt/Thing`, `${at('menu')}=/usr/share/applications/thing.desktop`],
  ];
}

test('a package has the request’s fields, files and scripts', LINUX, () => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-rpm-test-'));
  try {
    mkdirSync(join(folder, 'app/inner'), { recursive: true });
    writeFileSync(join(folder, 'app/inner/program 1'), 'x', { mode: 0o755 });
    writeFileSync(join(folder, 'install'), '#!/bin/sh\necho "50%" > /dev/null\n');
    writeFileSync(join(folder, 'remove'), '#!/bin/sh\ntouch "$REMOVED"\n');
    writeFileSync(join(folder, 'menu'), '');
    writeRpm(readFpmArguments(argumentsFor(folder)));
    const query = (...words: string[]) =>
      execFileSync('rpm', ['-qp', ...words, join(folder, 'out.rpm')], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    assert.equal(
      query('--queryformat', '%{NAME} %{VERSION} %{ARCH} %{URL}'),
      'thing 1.2.3 x86_64 https://idlewatt.example',
    );
    assert.match(query('--queryformat', '%{DESCRIPTION}'), /^Sells 100% of it$/);
    const needs = query('--requires').split('\n');
    for (const need of ['gtk3', '(a or b)', 'glibc >= 2.35']) assert.ok(needs.includes(need), need);
    const files = query('--list', '-v');
    assert.match(files, /^drwx.* \/opt\/Thing$/m);
    assert.match(files, /^-rwxr-xr-x .* root +root .* \/opt\/Thing\/inner\/program 1$/m);
    assert.match(files, /\/usr\/share\/applications\/thing\.desktop$/m);
    assert.match(query('--scripts'), /echo "50%"/);
    const removal = query('--queryformat', '%{POSTUN}');
    const removes = (left: string) => {
      const mark = join(folder, `removed-${left}`);
      execFileSync('bash', ['--norc', '-c', removal, 'script', left], { env: { REMOVED: mark } });
      return existsSync(mark);
    };
    assert.deepEqual(['0', '1'].map(removes), [true, false]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
