/** Which of a machine's devices is meant, for switches that outlive a restart. */

/**
 * What a driver keeps on a card for each process that computes there, beside all that the process asks for: 512 MiB.
 * CUDA takes 200 to 500 MB by card and driver; chosen above that, and not measured here.
 */
export const GRAPHICS_DRIVER_BYTES = 512 * 1024 * 1024;

/** Two cards of one name are told apart by their order. */
export function deviceId(devices: readonly { readonly name: string }[], index: number): string {
  const name = devices[index]?.name ?? '';
  const before = devices.slice(0, index).filter((device) => device.name === name).length;
  return before === 0 ? name : `${name} #${before + 1}`;
}
