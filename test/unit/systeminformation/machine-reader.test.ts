/**
 * Verifies: what systeminformation doesn't provide becomes null, never 0, -1 or ''.
 * Setup: real results of unusual machines, and arbitrary values as results.
 * Fails if: a GPU has -1 bytes, the agent doesn't start because a driver's tool returned nonsense, or a sensor is read
 * every second.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  positive,
  readGraphics,
  readGraphicsWatts,
  readOsRelease,
  readProcessor,
  readSystem,
  readTemperature,
  text,
} from '../../../main/adapters/systeminformation/facts.ts';
import { createMachineReader, type MachineSource } from '../../../main/adapters/systeminformation/index.ts';
import { deviceSchema } from '../../../shared/api/state.ts';

const anyAnswer = fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true });
const anyController = fc.record(
  Object.fromEntries(
    ['vendor', 'model', 'name', 'vram', 'vramDynamic', 'memoryTotal', 'driverVersion', 'powerDraw'].map(
      (name) => [name, fc.oneof(anyAnswer, fc.constantFrom('', '-', 'N/A', -1, 0, Number.NaN, 8188))],
    ),
  ),
  { requiredKeys: [] },
);
const anyGraphics = fc.oneof(
  anyAnswer,
  fc.record({ controllers: fc.oneof(anyAnswer, fc.array(fc.oneof(anyController, anyAnswer))) }),
);

function source(answers: Partial<Record<keyof MachineSource, unknown>>): {
  source: MachineSource;
  calls: Record<string, number>;
} {
  const calls: Record<string, number> = {};
  const ask = (name: keyof MachineSource) => async () => {
    calls[name] = (calls[name] ?? 0) + 1;
    const answer = answers[name];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return {
    calls,
    source: {
      cpu: ask('cpu'),
      graphics: ask('graphics'),
      osInfo: ask('osInfo'),
      mem: ask('mem'),
      cpuTemperature: ask('cpuTemperature'),
    },
  };
}

describe('facts about the machine', () => {
  it('are positive numbers, text or null for any result', () => {
    fc.assert(
      fc.property(anyAnswer, anyGraphics, (answer, graphics) => {
        const processor = readProcessor(answer);
        for (const device of [...(processor === null ? [] : [processor]), ...readGraphics(graphics)]) {
          deviceSchema.parse(device);
          assert.notEqual(device.name.trim(), '');
          assert.ok(device.memoryBytes === null || device.memoryBytes > 0);
          assert.ok(device.cores === null || device.cores >= 1);
          assert.notEqual(device.driver, '');
        }
        for (const number of [readTemperature(answer), readGraphicsWatts(graphics), positive(answer)]) {
          assert.ok(number === null || (number > 0 && Number.isFinite(number)));
        }
        for (const words of [readSystem(answer), text(answer)]) assert.notEqual(words, '');
      }),
    );
  });

  it('name a GPU once, with its own memory in bytes', () => {
    const graphics = {
      controllers: [
        {
          vendor: 'NVIDIA',
          model: 'NVIDIA GeForce RTX 4070',
          vram: 12282,
          memoryTotal: 12282,
          driverVersion: '560.35',
          powerDraw: 31.5,
        },
        { vendor: 'Intel', model: 'UHD Graphics 770', vram: -1, vramDynamic: true, driverVersion: '' },
        { vendor: 'Microsoft', model: 'Microsoft Basic Display Adapter', vram: 0 },
        { vendor: '', model: '', vram: 64 },
      ],
    };
    assert.deepEqual(readGraphics(graphics), [
      {
        kind: 'gpu',
        name: 'NVIDIA GeForce RTX 4070',
        cores: null,
        memoryBytes: 12282 * 2 ** 20,
        driver: '560.35',
      },
      { kind: 'gpu', name: 'Intel UHD Graphics 770', cores: null, memoryBytes: null, driver: null },
    ]);
    assert.equal(readGraphicsWatts(graphics), 31.5);
  });

  it('are null where a figure is too small or too large to be one', () => {
    const memoryOf = (vram: number) =>
      readGraphics({ controllers: [{ model: 'GPU', vram }] })[0]?.memoryBytes;
    assert.equal(memoryOf(1e-9), null);
    assert.equal(memoryOf(Number.MAX_VALUE), null);
    const draws = [{ powerDraw: Number.MAX_VALUE }, { powerDraw: Number.MAX_VALUE }];
    assert.equal(readGraphicsWatts({ controllers: draws }), null);
  });

  it('name a Linux system by its os-release file, and nothing without one', () => {
    const debian =
      'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n';
    assert.equal(readOsRelease(debian, 'x64'), 'Debian GNU/Linux 12 x64');
    assert.equal(readOsRelease("NAME='Arch Linux'\nBUILD_ID=rolling\n", 'arm64'), 'Arch Linux arm64');
    assert.equal(readOsRelease('VERSION_ID="12"\n', 'x64'), null);
    assert.equal(readOsRelease('', 'x64'), null);
  });

  it('have no temperature if the sensor is broken', () => {
    assert.equal(readTemperature({ main: -1, max: 0 }), null);
    assert.equal(readTemperature({ main: 3000 }), null);
    assert.equal(readTemperature({ main: null, max: 61 }), 61);
  });
});

describe('machine reader', () => {
  it('returns an inventory even if every call fails', async () => {
    const failing = new Error('no such tool');
    const { source: broken } = source({ cpu: failing, graphics: failing, osInfo: failing });
    const inventory = await createMachineReader({ source: broken }).inventory();
    assert.deepEqual(inventory.devices, []);
    assert.equal(inventory.physicalCores, null);
    assert.notEqual(inventory.os, '');
    assert.ok(inventory.memoryBytes !== null && inventory.memoryBytes > 0);
  });

  it('reads the inventory once', async () => {
    const { source: counted, calls } = source({ cpu: { physicalCores: 8, brand: 'Ryzen 7' } });
    const reader = createMachineReader({ source: counted, platform: 'win32' });
    assert.equal(await reader.inventory(), await reader.inventory());
    assert.deepEqual(calls, { cpu: 1, graphics: 1, osInfo: 1 });
  });

  it('starts no program for the name of a Linux system', async () => {
    const { source: counted, calls } = source({ cpu: { physicalCores: 8, brand: 'Ryzen 7' } });
    await createMachineReader({ source: counted, platform: 'linux' }).inventory();
    assert.equal(calls.osInfo, undefined);
  });

  it('reads sensors rarely, and missing ones even less often', async () => {
    let nowMs = 0;
    const { source: counted, calls } = source({
      cpuTemperature: { main: 55 },
      graphics: { controllers: [] },
    });
    const reader = createMachineReader({ source: counted, now: () => nowMs, platform: 'win32' });
    for (; nowMs < 500_000; nowMs += 1_000) {
      const readings = await reader.readings();
      assert.equal(readings.temperatureCelsius, 55);
      assert.equal(readings.watts, null);
      assert.equal(readings.atMs, nowMs);
    }
    assert.deepEqual(calls, { cpuTemperature: 5, graphics: 1 });
  });

  it('reads this machine', async () => {
    const reader = createMachineReader();
    const inventory = await reader.inventory();
    for (const device of inventory.devices) deviceSchema.parse(device);
    const readings = await reader.readings();
    assert.ok(readings.freeMemoryBytes !== null && readings.freeMemoryBytes > 0);
    const load = readings.cpuLoadPercent;
    assert.ok(load === null || (load >= 0 && load <= 100));
  });
});
