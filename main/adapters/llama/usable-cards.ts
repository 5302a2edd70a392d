/** Refuses an engine library that found no GPU: it would compute on the CPU and claim another back end. */
import type { Llama } from 'node-llama-cpp';

/**
 * Resolves to the opened library, or to the one for the CPU alone if the opened one has no GPU. The choice of node-llama-cpp
 * is Vulkan wherever Vulkan's loader is installed.
 */
export async function orProcessor(opened: Llama, openProcessor: () => Promise<Llama>): Promise<Llama> {
  if (opened.gpu === false || (await opened.getGpuDeviceNames()).length > 0) return opened;
  await opened.dispose();
  return openProcessor();
}
