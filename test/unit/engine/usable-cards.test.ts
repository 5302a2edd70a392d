/**
 * Verifies: the engine computes with a library for GPUs only if there is a GPU.
 * Setup: libraries as node-llama-cpp opens them, reduced to what is asked of them.
 * Fails if: a machine with Vulkan's loader but without a GPU reports that it computes with Vulkan, a library that isn't used
 * stays open, or one that has GPUs is given up.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Llama } from 'node-llama-cpp';
import { orProcessor } from '../../../main/adapters/llama/usable-cards.ts';

function library(gpu: Llama['gpu'], devices: readonly string[]) {
  const state = { isOpen: true };
  const opened = {
    ...{ gpu, getGpuDeviceNames: async () => [...devices] },
    async dispose() {
      state.isOpen = false;
    },
  } as unknown as Llama;
  return { opened, state };
}
const processor = library(false, []).opened;

for (const gpu of ['vulkan', 'cuda', 'metal'] as const) {
  it(`${gpu} is used with a GPU, and the CPU without one`, async () => {
    const withOne = library(gpu, ['a GPU']);
    assert.equal(await orProcessor(withOne.opened, async () => processor), withOne.opened);
    assert.equal(withOne.state.isOpen, true);
    const without = library(gpu, []);
    assert.equal(await orProcessor(without.opened, async () => processor), processor);
    assert.equal(without.state.isOpen, false);
  });
}

it('the library for the CPU has no GPU and stays', async () => {
  const { opened } = library(false, []);
  assert.equal(await orProcessor(opened, () => assert.fail()), opened);
});
