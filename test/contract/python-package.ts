/** For tests: a pinned Python package from its registry, installed once into the cache. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../scripts/lib/places.ts';

/** `spec` is like `beancount==3.2.3`. Returns the folder for PYTHONPATH. */
export function pythonPackage(spec: string): string {
  const installed = join(cacheFolder(), spec.replace('==', '-'));
  if (existsSync(installed)) return installed;
  mkdirSync(cacheFolder(), { recursive: true });
  const unfinished = mkdtempSync(`${installed}-`);
  const options = ['install', '--quiet', '--disable-pip-version-check', '--target', unfinished, spec];
  const pip = spawnSync('python3', ['-m', 'pip', ...options], { encoding: 'utf8' });
  assert.equal(pip.status, 0, pip.stderr);
  renameSync(unfinished, installed);
  return installed;
}
