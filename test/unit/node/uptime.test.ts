/**
 * Verifies: the time since the machine started passes with real time and doesn't follow the clock.
 * Setup: the real uptime, and a process whose clock is ten days ahead.
 * Fails if: it is another unit, is derived from the clock, or the ID of the start differs between processes.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { machineUptime } from '../../../main/adapters/node/index.ts';

const MODULE = join(import.meta.dirname, '../../../main/adapters/node/index.ts');

test('passes in milliseconds since the start, whatever the clock shows', () => {
  const here = machineUptime();
  const before = here.sinceStartMs();
  assert.ok(Math.abs(before - uptime() * 1_000) < 5_000);
  const program = `
    const now = Date.now;
    Date.now = () => now() + 864e6;
    const { machineUptime } = await import(${JSON.stringify(MODULE)});
    const { startId, sinceStartMs } = machineUptime();
    console.log(JSON.stringify({ startId, ms: sinceStartMs() }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  assert.notEqual(stdout, '', stderr);
  const there = JSON.parse(stdout) as { startId: string | null; ms: number };
  assert.ok(there.ms >= before && there.ms <= here.sinceStartMs());
  assert.equal(there.startId, here.startId);
  if (process.platform === 'linux') assert.match(String(here.startId), /^[0-9a-f-]{36}$/);
});
