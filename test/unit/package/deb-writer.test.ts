/**
 * Verifies: a request as electron-builder makes it of fpm becomes a package that dpkg reads.
 * Setup: its options for a deb with one small folder; the real `dpkg-deb`.
 * Fails if: a field of the control file is lost, a script doesn't run at installing or removing, or files are missing.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { controlFile, writeDeb } from '../../../scripts/lib/deb-writer.ts';
import { readFpmArguments } from '../../../scripts/lib/fpm-request.ts';

const LINUX = { skip: process.platform === 'linux' ? false : 'dpkg-deb is only on Linux' };

function argumentsFor(folder: string): string[] {
  return [
    ...[
      '-s',
      'dir',
      '--force',
      '-t',
      'deb',
      '-d',
      'libc6 (>= 2.35)',
      '-d',
      'a | b',
      '--deb-recommends',
      'tray',
    ],
    ...['--deb-compression', 'gz', '--architecture', 'amd64', '--after-install', join(folder, 'install')],
    ...[
      '--after-remove',
      join(folder, 'remove'),
      '--description',
      'Sells\n Long text\n\n More',
      '--version',
      '1.2.3',
    ],
    ...['--package', join(folder, 'out.deb'), '--name', 'thing', '--maintainer', 'We <we@idlewatt.example>'],
    ...[
      '--vendor',
      'We',
      '--url',
      'https://idlewatt.example',
      '--deb-priority',
      'optional',
      '--license',
      'MIT',
    ],
    ...[
      `${join(folder, 'app')}/=/opt/Thing`,
      `${join(folder, 'install')}=/usr/share/applications/thing.desktop`,
    ],
  ];
}

test('a package has the request’s fields, files and scripts', LINUX, () => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-deb-test-'));
  try {
    mkdirSync(join(folder, 'app/inner'), { recursive: true });
    writeFileSync(join(folder, 'app/inner/program'), 'x', { mode: 0o755 });
    writeFileSync(join(folder, 'install'), '#!/bin/sh\n');
    writeFileSync(join(folder, 'remove'), '#!/bin/sh\n');
    writeDeb(readFpmArguments(argumentsFor(folder)));
    const show = (...parameters: string[]) => execFileSync('dpkg-deb', parameters, { encoding: 'utf8' });
    const out = join(folder, 'out.deb');
    assert.equal(show('--field', out, 'Depends').trim(), 'libc6 (>= 2.35), a | b');
    assert.equal(show('--field', out, 'Homepage').trim(), 'https://idlewatt.example');
    assert.match(show('--contents', out), /^-rwxr-xr-x root\/root .*\.\/opt\/Thing\/inner\/program$/m);
    assert.match(show('--contents', out), /\.\/usr\/share\/applications\/thing\.desktop$/m);
    assert.match(show('--info', out), /postinst[\s\S]*postrm/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the description keeps its paragraphs, and other kinds of packages are rejected', () => {
  const request = readFpmArguments(argumentsFor('/nowhere'));
  assert.match(controlFile(request, 7), /^Description: Sells\n Long text\n \.\n More\n$/m);
  const other = argumentsFor('/nowhere').map((word) => (word === 'deb' ? 'pacman' : word));
  assert.throws(() => readFpmArguments(other), /Only deb and rpm/);
});
