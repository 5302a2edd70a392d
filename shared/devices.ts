/** Stable IDs of a machine's devices, for settings that survive a restart. */

/**
 * GPU memory that a driver takes per computing process in addition to what the process allocates: 512 MiB. CUDA takes
 * 200 to 500 MB, depending on GPU and driver; the value is chosen above that and was not measured.
 */
export const GRAPHICS_DRIVER_BYTES = 512 * 1024 * 1024;

const GPU_BACKENDS: ReadonlySet<string> = new Set(['cuda', 'vulkan', 'metal']);

/** Returns the kind of device that an engine's backend computes on; null for an engine server, which may use any. */
export function deviceKindOf(backend: string): 'cpu' | 'gpu' | null {
  if (backend === 'cpu') return 'cpu';
  return GPU_BACKENDS.has(backend) ? 'gpu' : null;
}

/** Returns the ID of a device. Devices with the same name are distinguished by their order. */
export function deviceId(devices: readonly { readonly name: string }[], index: number): string {
  const name = devices[index]?.name ?? '';
  const before = devices.slice(0, index).filter((device) => device.name === name).length;
  return before === 0 ? name : `${name} #${before + 1}`;
}
