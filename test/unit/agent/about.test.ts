/**
 * Verifies: the page "About" gets the licenses of the file that a package contains, and nothing else.
 * Setup: temporary files in place of the package's.
 * Fails if: a page reads another file, a file of any length is read, or a checkout's missing file is an unexpected error.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAbout } from '../../../main/agent/about.ts';
import { LICENSES_BYTES_MAX } from '../../../shared/api/about.ts';

test('reads the first file that exists, up to its limit, and names the missing one', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-about-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'licenses.txt');
  const about = createAbout({ home: '/data', places: [join(folder, 'missing'), file] });
  assert.deepEqual(about.read(), { license: 'MIT', home: '/data', licensesFile: null });
  await assert.rejects(about.licenses(), { code: 'not-found' });
  writeFileSync(file, 'MIT');
  assert.equal(about.read().licensesFile, file);
  assert.equal(await about.licenses(), 'MIT');
  truncateSync(file, LICENSES_BYTES_MAX + 1);
  await assert.rejects(about.licenses(), { code: 'not-found' });
});
