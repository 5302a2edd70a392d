/** Stable IDs of a machine's devices, for settings that survive a restart. */

/**
 * GPU memory that a driver takes per computing process in addition to what the process allocates: 512 MiB. CUDA takes
 * 200 to 500 MB, depending on GPU and driver; the value is chosen above that and was not measured.
 */
export const GRAPHICS_DRIVER_BYTES = 512 * 1024 * 1024;

/** Returns the ID of a device. Devices with the same name are distinguished by their order. */
export function deviceId(devices: readonly { readonly name: string }[], index: number): string {
  const name = devices[index]?.name ?? '';
  const before = devices.slice(0, index).filter((device) => device.name === name).length;
  return before === 0 ? name : `${name} #${before + 1}`;
}
