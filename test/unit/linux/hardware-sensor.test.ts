/**
 * Verifies: Linux's files about heat, power, fans, batteries and an AMD GPU arrive as readings, missing ones as unknown.
 * Setup: made-up /sys trees and a manual clock.
 * Fails if: unknown becomes zero, a mouse's battery counts as the machine's, or our own GPU load counts as another
 * program's.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createHardwareSensor } from '../../../main/adapters/linux/index.ts';
import type { PartialReadings } from '../../../shared/readings.ts';
import { manualClock } from '../../fakes/clock.ts';

function tree(context: TestContext) {
  const sysRoot = mkdtempSync(join(tmpdir(), 'idlewatt-hardware-'));
  context.after(() => rmSync(sysRoot, { recursive: true }));
  return {
    sysRoot,
    write(path: string, text: string) {
      mkdirSync(dirname(join(sysRoot, path)), { recursive: true });
      writeFileSync(join(sysRoot, path), `${text}\n`);
    },
  };
}

const values = (readings: PartialReadings) =>
  Object.fromEntries(Object.entries(readings).map(([name, reading]) => [name, reading?.value ?? null]));

test('reads chips, batteries and an AMD GPU every few seconds; broken values are unknown', async (context) => {
  const { sysRoot, write } = tree(context);
  const clock = manualClock(0);
  let usesGraphics = false;
  const sensor = createHardwareSensor({
    clock,
    platform: 'linux',
    sysRoot,
    usesGraphics: () => usesGraphics,
  });
  write('class/hwmon/hwmon0/name', 'k10temp');
  write('class/hwmon/hwmon0/temp1_input', '61500');
  write('class/hwmon/hwmon1/name', 'amdgpu');
  write('class/hwmon/hwmon1/temp1_input', '70000');
  write('class/hwmon/hwmon1/power1_average', '45000000');
  write('class/hwmon/hwmon1/fan1_input', '1200');
  write('class/drm/card0/device/gpu_busy_percent', '37');
  write('class/drm/card0/device/mem_info_vram_used', '1500000000');
  write('class/power_supply/AC/type', 'Mains');
  write('class/power_supply/AC/online', '0');
  write('class/power_supply/BAT0/type', 'Battery');
  write('class/power_supply/BAT0/status', 'Discharging');
  write('class/power_supply/BAT0/capacity', '63');
  write('class/power_supply/mouse/type', 'Battery');
  write('class/power_supply/mouse/scope', 'Device');
  write('class/power_supply/mouse/capacity', '5');
  const first = {
    processorCelsius: 61.5,
    graphicsCelsius: 70,
    watts: 45,
    fanRpm: 1200,
    onBattery: true,
    batteryPercent: 63,
    otherGraphicsPercent: 37,
    otherGraphicsMemoryBytes: 1_500_000_000,
  };
  assert.deepEqual(values(await sensor.read()), first);
  write('class/hwmon/hwmon0/temp1_input', '0');
  write('class/hwmon/hwmon1/power1_average', 'N/A');
  write('class/power_supply/BAT0/capacity', '-3');
  write('class/power_supply/AC/online', '1');
  usesGraphics = true;
  clock.advance(4_999);
  assert.deepEqual(values(await sensor.read()), first, 'not read again yet');
  clock.advance(1);
  assert.deepEqual(values(await sensor.read()), {
    processorCelsius: null,
    graphicsCelsius: 70,
    watts: null,
    fanRpm: 1200,
    onBattery: false,
    batteryPercent: null,
  });
});

test('reports nothing on an empty machine and on another system', async (context) => {
  const { sysRoot } = tree(context);
  const options = { clock: manualClock(0), sysRoot, usesGraphics: () => false };
  const known = await createHardwareSensor({ ...options, platform: 'linux' }).read();
  assert.ok(Object.values(known).every((reading) => reading === null));
  assert.deepEqual(await createHardwareSensor({ ...options, platform: 'win32' }).read(), {});
});
