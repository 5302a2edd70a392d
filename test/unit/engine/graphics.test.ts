/**
 * Verifies: a single GPU can be turned off, and a GPU that is off is never used, nor is its memory counted.
 * Setup: made-up inventories and driver lists; a real engine process whose command line and environment are read.
 * Fails if: two GPUs with the same name are confused, a GPU is used because its ID is unknown, or a choice does not
 * reach the process.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { readFetchedPackage } from '../../../main/adapters/llama/graphics-parameters.ts';
import { createLlamaSpawner } from '../../../main/adapters/llama/index.ts';
import { chooseGraphics, graphicsMemory } from '../../../main/core/engine/index.ts';
import { createGraphics, createModelMemory } from '../../../main/core/serving/index.ts';
import type { EngineStatus } from '../../../main/ports/engine.ts';
import type { GraphicsChoice } from '../../../main/ports/engine-process.ts';
import { GRAPHICS_DRIVER_BYTES } from '../../../shared/devices.ts';

const device = (kind: 'cpu' | 'gpu', name: string) => ({
  kind,
  name,
  cores: null,
  memoryBytes: null,
  driver: null,
});
const MACHINE = [
  device('cpu', 'Ryzen'),
  device('gpu', 'RTX 4070'),
  device('gpu', 'RTX 4070'),
  device('gpu', 'Radeon'),
];
const DRIVER = [
  { name: 'RTX 4070', uuid: 'GPU-a' },
  { name: 'RTX 4070', uuid: 'GPU-b' },
];

test('turns off one of two equal GPUs and keeps using the other', () => {
  const two = MACHINE.slice(0, 3);
  assert.deepEqual(chooseGraphics(two, [], DRIVER), { kind: 'all' });
  assert.deepEqual(chooseGraphics(two, ['RTX 4070 #2'], DRIVER), { kind: 'some', uuids: ['GPU-a'] });
  assert.deepEqual(chooseGraphics(two, ['RTX 4070'], DRIVER), { kind: 'some', uuids: ['GPU-b'] });
  assert.deepEqual(chooseGraphics(two, ['RTX 4070', 'RTX 4070 #2'], DRIVER), { kind: 'none' });
  assert.deepEqual(chooseGraphics(MACHINE, ['Radeon'], DRIVER), { kind: 'some', uuids: ['GPU-a', 'GPU-b'] });
  assert.deepEqual(
    chooseGraphics(MACHINE, ['RTX 4070'], DRIVER),
    { kind: 'none' },
    'the Radeon has no such ID',
  );
  assert.deepEqual(chooseGraphics(two, ['a GPU that was removed'], DRIVER), { kind: 'all' });
});

test('never passes on the ID of a GPU that is off', () => {
  const names = fc.constantFrom('A', 'B', 'C');
  fc.assert(
    fc.property(fc.array(names, { maxLength: 5 }), fc.array(fc.nat(4)), (cards, offIndexes) => {
      const devices = cards.map((name) => device('gpu', name));
      const ids = cards.map((name, index) => {
        const before = cards.slice(0, index).filter((other) => other === name).length;
        return before === 0 ? name : `${name} #${before + 1}`;
      });
      const off = offIndexes.flatMap((index) => ids[index] ?? []);
      const driver = cards.map((name, index) => ({ name, uuid: `GPU-${index}` }));
      const choice = chooseGraphics(devices, off, driver);
      const on = ids.flatMap((id, index) => (off.includes(id) ? [] : [`GPU-${index}`]));
      if (on.length === cards.length) assert.equal(choice.kind, 'all');
      else if (on.length === 0) assert.equal(choice.kind, 'none');
      else assert.deepEqual(choice, { kind: 'some', uuids: on });
    }),
  );
});

test('reports a change of the setting once, and queries no driver while every GPU is on', async () => {
  let asked = 0;
  let graphicsOff: string[] = [];
  let graphicsMemoryBytesMax: number | null = null;
  const graphics = createGraphics({
    machine: {
      inventory: async () => ({
        hostname: '',
        os: '',
        devices: MACHINE,
        memoryBytes: null,
        physicalCores: 1,
      }),
    },
    settings: () => ({ graphicsOff, graphicsMemoryBytesMax }),
    named: async () => {
      asked += 1;
      return DRIVER;
    },
  });
  assert.equal(await graphics.refresh(), false);
  assert.equal(asked, 0);
  graphicsOff = ['Radeon'];
  assert.deepEqual([await graphics.refresh(), await graphics.refresh()], [true, false]);
  assert.equal(graphics.choice().kind, 'some');
  graphicsMemoryBytesMax = 8e9;
  assert.equal(
    await graphics.refresh(),
    false,
    'a limit with room for part of a model does not change the choice',
  );
  graphicsMemoryBytesMax = 1e9;
  assert.equal(await graphics.refresh(), true);
  assert.equal(graphics.choice().kind, 'none', 'the drivers of two GPUs take more than that');
});

test('uses no GPU if the drivers alone would use up the limit', () => {
  const two = MACHINE.slice(0, 3);
  const choose = (off: string[], bytesMax: number) => chooseGraphics(two, off, DRIVER, bytesMax).kind;
  assert.equal(choose([], 2 * GRAPHICS_DRIVER_BYTES), 'none');
  assert.equal(choose([], 2 * GRAPHICS_DRIVER_BYTES + 1), 'all');
  assert.equal(choose(['RTX 4070'], 2 * GRAPHICS_DRIVER_BYTES), 'some', 'one driver');
  assert.equal(chooseGraphics([], [], [], 0).kind, 'none', 'also without any GPU');
});

test('passes the choice to the engine process', { skip: process.platform !== 'linux' }, async () => {
  const started = async (choice: GraphicsChoice) => {
    const engine = createLlamaSpawner({ graphics: () => choice })();
    const gone = new Promise<void>((resolve) => engine.onExit(() => resolve()));
    const read = (file: string) => readFileSync(`/proc/${engine.pid}/${file}`, 'utf8').split('\0');
    const seen = {
      command: read('cmdline').filter((part) => /^--(no-graphics|only-cuda)$/.test(part)),
      cards: read('environ').find((part) => part.startsWith('CUDA_VISIBLE_DEVICES=')) ?? null,
    };
    engine.kill();
    await gone;
    return seen;
  };
  assert.deepEqual(await started({ kind: 'all' }), { command: [], cards: null });
  assert.deepEqual(await started({ kind: 'none' }), { command: ['--no-graphics'], cards: null });
  assert.deepEqual(await started({ kind: 'some', uuids: ['GPU-a', 'GPU-b'] }), {
    command: ['--only-cuda'],
    cards: 'CUDA_VISIBLE_DEVICES=GPU-a,GPU-b',
  });
});

test('a process gets the folders of fetched libraries, before those of the system, unless it uses no GPU', {
  skip: process.platform !== 'linux',
}, async () => {
  const libraries = () => ({
    packageName: '@node-llama-cpp/linux-x64-cuda',
    packageFolder: '/a b/0',
    libraries: ['/a b/1', '/a b/2'],
  });
  const started = async (choice: GraphicsChoice) => {
    const engine = createLlamaSpawner({ graphics: () => choice, libraries })();
    const gone = new Promise<void>((resolve) => engine.onExit(() => resolve()));
    const read = (file: string) => readFileSync(`/proc/${engine.pid}/${file}`, 'utf8').split('\0');
    const seen = [
      readFetchedPackage(read('cmdline')),
      read('environ').find((part) => part.startsWith('LD_LIBRARY_PATH=')) ?? null,
    ];
    engine.kill();
    await gone;
    return seen;
  };
  const before = process.env.LD_LIBRARY_PATH;
  assert.deepEqual(await started({ kind: 'all' }), [
    { name: '@node-llama-cpp/linux-x64-cuda', folder: '/a b/0' },
    `LD_LIBRARY_PATH=/a b/1:/a b/2${before ? `:${before}` : ''}`,
  ]);
  assert.deepEqual(await started({ kind: 'none' }), [null, before ? `LD_LIBRARY_PATH=${before}` : null]);
});

test('the engine’s library imports a fetched package, and others as before', () => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-fetched-'));
  mkdirSync(join(folder, 'dist'));
  writeFileSync(join(folder, 'dist/index.js'), 'export const place = import.meta.dirname;');
  const module = fileURLToPath(new URL('../../../main/adapters/llama/fetched-package.ts', import.meta.url));
  const code = `
    const { useFetchedPackage } = await import(${JSON.stringify(module)});
    useFetchedPackage({ name: '@node-llama-cpp/fetched', folder: ${JSON.stringify(folder)} });
    const { place } = await import('@node-llama-cpp/fetched');
    const other = await import('@node-llama-cpp/absent').catch(({ code }) => code);
    console.log(JSON.stringify([place, other]));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', code], {
    encoding: 'utf8',
  });
  rmSync(folder, { recursive: true });
  assert.deepEqual(JSON.parse(output), [join(folder, 'dist'), 'ERR_MODULE_NOT_FOUND']);
});

test('counts the memory of the GPUs that are on, less what their drivers take', () => {
  const GIB = 1024 ** 3;
  const card = (name: string, gigabytes: number | null) => ({
    ...device('gpu', name),
    memoryBytes: gigabytes === null ? null : gigabytes * GIB,
  });
  const machine = [device('cpu', 'Ryzen'), card('RTX 4070', 12), card('RTX 3050', 8), card('UHD', 1)];
  assert.equal(graphicsMemory(machine, []), 20 * GIB - 2 * GRAPHICS_DRIVER_BYTES, 'not the integrated one');
  assert.equal(graphicsMemory(machine, ['RTX 4070']), 8 * GIB - GRAPHICS_DRIVER_BYTES);
  assert.equal(graphicsMemory(machine, [], 6 * GIB), 6 * GIB - 2 * GRAPHICS_DRIVER_BYTES, 'the limit');
  assert.equal(graphicsMemory(machine, [], 60 * GIB), 20 * GIB - 2 * GRAPHICS_DRIVER_BYTES);
  assert.equal(graphicsMemory(machine, ['RTX 4070', 'RTX 3050']), null);
  assert.equal(graphicsMemory([card('Apple M3', null)], []), null, 'memory that is shared with the machine');
  assert.equal(graphicsMemory([], []), null);
});

test('reads the memory of the GPUs, and none while the CPU computes', async () => {
  const GIB = 1024 ** 3;
  let graphicsOff: string[] = [];
  const graphics = createGraphics({
    machine: {
      inventory: async () => ({
        hostname: '',
        os: '',
        devices: [{ ...device('gpu', 'RTX 4070'), memoryBytes: 12 * GIB }],
        memoryBytes: null,
        physicalCores: 1,
      }),
    },
    settings: () => ({ graphicsOff, graphicsMemoryBytesMax: null }),
    named: async () => [],
  });
  assert.equal(graphics.memoryBytes(), null, 'before the devices were read');
  await graphics.read();
  const graphicsBytes = 12 * GIB - GRAPHICS_DRIVER_BYTES;
  let report: (status: EngineStatus) => void = () => assert.fail();
  const memory = createModelMemory({
    engine: {
      onStatus(listener) {
        report = listener;
        return () => undefined;
      },
    },
    graphics,
    machineBytes: () => 5 * GIB,
  });
  const loadedOn = (backend: string) => {
    report({ state: 'ready', loaded: { backend } } as EngineStatus);
    return memory().graphicsBytes;
  };
  assert.deepEqual(memory(), { machineBytes: 5 * GIB, graphicsBytes });
  assert.equal(loadedOn('cpu'), null, 'no library for the GPU');
  report({ state: 'stopped' });
  assert.equal(loadedOn('server'), null, 'an engine server may use other GPUs');
  assert.equal(loadedOn('vulkan'), graphicsBytes);
  graphicsOff = ['RTX 4070'];
  assert.equal(memory().graphicsBytes, null);
});
