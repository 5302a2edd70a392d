/**
 * Verifies: the owner's limit on GPU memory is never exceeded, and what does not fit is computed on the CPU.
 * Setup: a fake of the library that places models of 30 layers on simulated GPUs and counts memory like the real one.
 * Fails if: the library is not given the limit, the driver's memory is not counted, a model is refused although the CPU
 * could run it, an estimate that was too low is not corrected, or an abandoned model stays in memory.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InsufficientMemoryError, type Llama } from 'node-llama-cpp';
import { capBytes, place } from '../../../main/adapters/llama/card-memory.ts';
import { fittingSequences } from '../../../main/adapters/llama/sequence-count.ts';
import { GRAPHICS_DRIVER_BYTES } from '../../../shared/devices.ts';

const LAYERS = 30;
const LAYER_BYTES = 100e6;
/** Memory of the context per token on the GPU. */
const TOKEN_BYTES = 20e3;
const LOAD = {
  type: 'load',
  request: 1,
  path: '/model.gguf',
  contextTokens: 2_048,
  sequences: 4,
  threads: 3,
} as const;

interface Machine {
  readonly llama: Llama;
  readonly held: () => number;
  readonly told: unknown[];
}

/** `understated` is the share by which a model takes more memory than estimated. */
function machine({ cards = 1, freeBytes = 24e9, understated = 0 } = {}): Machine {
  const told: unknown[] = [];
  let cap: number | null = null;
  let held = 0;
  const llama = {
    gpu: cards > 0 ? 'cuda' : false,
    getGpuDeviceNames: async () => Array.from({ length: cards }, () => 'Card'),
    getLlamaMemoryUsage: async () => ({ gpuVram: held, cpuRam: 0 }),
    async setVramCap(bytes: number | null) {
      cap = bytes;
      told.push({ cap });
    },
    async loadModel(options: { gpuLayers: { fitContext: { contextSize: number } } }) {
      told.push(options);
      const free = Math.min(freeBytes, cap ?? freeBytes);
      const contextBytes = options.gpuLayers.fitContext.contextSize * TOKEN_BYTES;
      const layers = Math.min(LAYERS, Math.floor((free - contextBytes) / LAYER_BYTES));
      if (cards > 0 && layers < 0) throw new InsufficientMemoryError('too large');
      const bytes = cards === 0 ? 0 : layers * LAYER_BYTES * (1 + understated);
      held += bytes;
      return {
        llama,
        trainContextSize: 8_192,
        gpuLayers: cards === 0 ? 0 : layers,
        fileInsights: {
          totalLayers: LAYERS,
          estimateContextResourceRequirementsV2: async (needs: {
            contextSize: number;
            sequences: number;
          }) => ({
            cpuRam: cards === 0 ? needs.contextSize * needs.sequences * TOKEN_BYTES : 0,
            gpuVram: 0,
          }),
        },
        async createContext(context: { contextSize: number; sequences: number; batching?: unknown }) {
          const { batching: _, ...rest } = context;
          told.push(rest);
          const more = cards === 0 ? 0 : context.contextSize * context.sequences * TOKEN_BYTES;
          held += more;
          return {
            dispose: async () => {
              held -= more;
            },
          };
        },
        dispose: async () => {
          held -= bytes;
        },
      };
    },
  };
  return { llama: llama as unknown as Llama, held: () => held, told };
}

const none = async (): Promise<Llama> => assert.fail('the CPU was not needed');

test('deducts the memory of the driver on each GPU from the limit; no limit stays none', () => {
  assert.equal(capBytes(null, 2), null);
  assert.equal(capBytes(8e9, 1), 8e9 - GRAPHICS_DRIVER_BYTES);
  assert.equal(capBytes(8e9, 2), 8e9 - 2 * GRAPHICS_DRIVER_BYTES);
  assert.equal(capBytes(1e8, 1), 0);
});

test('passes the limit, the context of all sequences and the threads to the library', async () => {
  const { llama, told } = machine();
  await place({ preferred: llama, processor: none }, { ...LOAD, graphicsMemoryBytesMax: 4e9 });
  assert.deepEqual(told, [
    { cap: 4e9 - GRAPHICS_DRIVER_BYTES },
    { modelPath: '/model.gguf', gpuLayers: { fitContext: { contextSize: 8_192 } } },
    { contextSize: 2_048, sequences: 4, threads: { ideal: 3, min: 3 }, batchSize: 512 + 4 },
  ]);
});

test('gives up sequences before layers on a GPU, down to four', async () => {
  const counts = async (freeBytes: number) => {
    const { llama, told } = machine({ freeBytes });
    await place(
      { preferred: llama, processor: none },
      { ...LOAD, sequences: 16, graphicsMemoryBytesMax: null },
    );
    return told.flatMap((each) => (each as { sequences?: number }).sequences ?? []).at(-1);
  };
  const model = LAYERS * LAYER_BYTES;
  assert.equal(await counts(model + 16 * 2_048 * TOKEN_BYTES), 16);
  assert.equal(await counts(model + 15 * 2_048 * TOKEN_BYTES), 4);
  assert.equal(await counts(model / 2), 4);
});

test('takes at most a quarter of the free main memory for sequences, and at least one sequence', async () => {
  const model = {
    gpuLayers: 0,
    fileInsights: {
      estimateContextResourceRequirementsV2: async ({ sequences }: { sequences: number }) => ({
        cpuRam: sequences * 1e9,
      }),
    },
  } as unknown as Parameters<typeof fittingSequences>[0];
  const wanted = { contextSize: 2_048, sequences: 8, batchSize: 136 };
  const fitting = (freeBytes: number) => fittingSequences(model, wanted, freeBytes);
  assert.deepEqual(await Promise.all([40e9, 32e9, 31e9, 15e9, 1e9].map(fitting)), [8, 8, 4, 2, 1]);
});

test('removes the limit in the library when the owner removes it', async () => {
  const { llama, told, held } = machine();
  for (const graphicsMemoryBytesMax of [2e9, null]) {
    const placed = await place({ preferred: llama, processor: none }, { ...LOAD, graphicsMemoryBytesMax });
    await placed.context.dispose();
    await placed.model.dispose();
  }
  assert.deepEqual(told[3], { cap: null });
  assert.equal(held(), 0);
});

test('keeps GPUs and drivers together within any limit, for any model', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 30_000 }).map((megabytes) => megabytes * 1e6),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(0, 0.05, 0.5),
      async (graphicsMemoryBytesMax, cards, understated) => {
        const { llama, held } = machine({ cards, understated });
        const processor = machine({ cards: 0 });
        const llamas = { preferred: llama, processor: async () => processor.llama };
        const placed = await place(llamas, { ...LOAD, graphicsMemoryBytesMax });
        assert.ok(held() <= Math.max(0, graphicsMemoryBytesMax - cards * GRAPHICS_DRIVER_BYTES));
        if (placed.model.llama.gpu === false) assert.equal(held(), 0, 'nothing stays on the GPUs');
      },
    ),
  );
});

test('uses the CPU if the limit or the free memory of the GPUs is too small for any layer', async () => {
  for (const [graphicsMemoryBytesMax, freeBytes] of [
    [6e8, 24e9],
    [null, 1e8],
  ] as const) {
    const processor = machine({ cards: 0 });
    const llamas = { preferred: machine({ freeBytes }).llama, processor: async () => processor.llama };
    const { model } = await place(llamas, { ...LOAD, graphicsMemoryBytesMax });
    assert.equal(model.llama.gpu, false);
  }
});

test('fails immediately for a file that is not a model, on any backend', async () => {
  const broken = machine();
  Object.assign(broken.llama, { loadModel: () => Promise.reject(new Error('no model')) });
  const llamas = { preferred: broken.llama, processor: none };
  await assert.rejects(place(llamas, { ...LOAD, graphicsMemoryBytesMax: null }), /no model/);
});
