/**
 * Verifies: the import table, package.json, the adapter folders and ARCHITECTURE.md name the same things.
 * Setup: the real files, each with one change.
 * Fails if: a package or an adapter is added or removed in one place only.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findInstallationViolations, type Installation } from '../../../scripts/lib/installed.ts';
import { REPOSITORY } from '../../../scripts/lib/places.ts';

const REAL: Installation = {
  packageJson: readFileSync(join(REPOSITORY, 'package.json'), 'utf8'),
  architecture: readFileSync(join(REPOSITORY, 'ARCHITECTURE.md'), 'utf8'),
  adapters: readdirSync(join(REPOSITORY, 'main/adapters')),
};

function violations(changed: Partial<Installation>): string[] {
  return findInstallationViolations({ ...REAL, ...changed }).map(
    ({ file, subject, why }) => `${file}: ${subject}: ${why}`,
  );
}

test('finds nothing in the unchanged repository', () => {
  assert.deepEqual(violations({}), []);
});

test('reports an installed package that no layer may import', () => {
  const packageJson = REAL.packageJson.replace('"ws":', '"left-pad": "1.0.0",\n    "ws":');
  const [found, ...others] = violations({ packageJson });
  assert.match(found ?? '', /^package\.json: left-pad: no layer may import/);
  assert.deepEqual(others, []);
});

test('reports a package in the table that is not installed', () => {
  const packageJson = REAL.packageJson.replace('"ethers":', '"ethers-fork":');
  assert.ok(violations({ packageJson }).some((line) => /layers\.ts: ethers: .*does not list$/.test(line)));
});

test('reports an explained tool that is not installed', () => {
  const packageJson = REAL.packageJson.replace('"solc":', '"solc-fork":');
  assert.ok(violations({ packageJson }).some((line) => /layers\.ts: solc: .*does not list$/.test(line)));
});

test('reports an adapter folder that ARCHITECTURE.md lacks', () => {
  assert.deepEqual(violations({ adapters: [...REAL.adapters, 'nfc'] }), [
    'ARCHITECTURE.md: nfc: the list of adapters lacks this folder',
  ]);
});

test('reports an adapter in the table and in ARCHITECTURE.md without a folder', () => {
  const adapters = REAL.adapters.filter((name) => name !== 'ethers');
  assert.deepEqual(violations({ adapters }), [
    'scripts/lib/layers.ts: ethers: the table of vendor libraries names an adapter without a folder',
    'ARCHITECTURE.md: ethers: the list of adapters names a missing folder',
  ]);
});

test('reports an ARCHITECTURE.md without a list of adapters', () => {
  assert.match(violations({ architecture: '# Architecture' })[0] ?? '', /has no such row$/);
});
