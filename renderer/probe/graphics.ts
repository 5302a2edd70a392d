/** Which graphics modes this window has, and what draws in them. */
import { GPU } from 'gpu.js';
import type { ProbeMode } from '../../shared/gpu-kernels/index.ts';

/** The part of WebGPU that names an adapter. */
interface Adapter {
  readonly info?: Readonly<Record<'vendor' | 'architecture' | 'device' | 'description', string>>;
  readonly isFallbackAdapter?: boolean;
}

async function requestAdapter(): Promise<Adapter | null> {
  const gpu = Reflect.get(navigator, 'gpu') as { requestAdapter(): Promise<Adapter | null> } | undefined;
  return gpu === undefined ? null : gpu.requestAdapter();
}

/** Why the window has no such mode, in one sentence; null when it has. */
export async function missingMode(mode: ProbeMode): Promise<string | null> {
  switch (mode) {
    case 'webgpu':
      if (!GPU.isWebGPUSupported) return 'This window has no WebGPU.';
      return (await requestAdapter()) === null ? 'WebGPU finds no adapter on this machine.' : null;
    case 'webgl2':
      return GPU.isWebGL2Supported ? null : 'This window has no WebGL2 with floating point textures.';
    case 'webasm':
    case 'cpu':
      return 'It is measured outside of the window.';
  }
}

/** The WebGPU adapter in words; null when it does not say. */
export async function adapterName(): Promise<string | null> {
  const adapter = await requestAdapter();
  if (adapter === null) return null;
  const { vendor, architecture, device, description } = adapter.info ?? {};
  const name = description || [vendor, architecture, device].filter(Boolean).join(' ');
  if (adapter.isFallbackAdapter) return `${name} (software)`.trim();
  return name || null;
}

/** The WebGL2 renderer as its driver names itself; null when it does not say. */
export function webgl2Name(): string | null {
  const context = document.createElement('canvas').getContext('webgl2');
  if (context === null) return null;
  const names = context.getExtension('WEBGL_debug_renderer_info');
  const name: unknown = context.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? context.RENDERER);
  context.getExtension('WEBGL_lose_context')?.loseContext();
  return typeof name === 'string' && name !== '' ? name : null;
}
