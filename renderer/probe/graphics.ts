/** Detects the graphics modes of this window and the names of their renderers. */
import { GPU } from 'gpu.js';
import type { ProbeMode } from '../../shared/gpu-kernels/index.ts';

/** The part of a WebGPU adapter that names it. */
interface Adapter {
  readonly info?: Readonly<Record<'vendor' | 'architecture' | 'device' | 'description', string>>;
  readonly isFallbackAdapter?: boolean;
}

async function requestAdapter(): Promise<Adapter | null> {
  const gpu = Reflect.get(navigator, 'gpu') as { requestAdapter(): Promise<Adapter | null> } | undefined;
  return gpu === undefined ? null : gpu.requestAdapter();
}

/** The reason why the window lacks a mode, in one sentence; null if it has the mode. */
export async function missingMode(mode: ProbeMode): Promise<string | null> {
  switch (mode) {
    case 'webgpu':
      if (!GPU.isWebGPUSupported) return 'This window doesn’t support WebGPU.';
      return (await requestAdapter()) === null ? 'WebGPU found no adapter on this machine.' : null;
    case 'webgl2':
      return GPU.isWebGL2Supported
        ? null
        : 'This window doesn’t support WebGL2 with floating-point textures.';
    case 'webasm':
    case 'cpu':
      return 'This mode is measured outside the window.';
  }
}

/** Name of the WebGPU adapter; null if it reports none. */
export async function adapterName(): Promise<string | null> {
  const adapter = await requestAdapter();
  if (adapter === null) return null;
  const { vendor, architecture, device, description } = adapter.info ?? {};
  const name = description || [vendor, architecture, device].filter(Boolean).join(' ');
  if (adapter.isFallbackAdapter) return `${name} (software)`.trim();
  return name || null;
}

/** Name of the WebGL2 renderer as its driver reports it; null if it reports none. */
export function webgl2Name(): string | null {
  const context = document.createElement('canvas').getContext('webgl2');
  if (context === null) return null;
  const names = context.getExtension('WEBGL_debug_renderer_info');
  const name: unknown = context.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? context.RENDERER);
  context.getExtension('WEBGL_lose_context')?.loseContext();
  return typeof name === 'string' && name !== '' ? name : null;
}
