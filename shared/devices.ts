/** Which of a machine's devices is meant, for switches that outlive a restart. */

/** Two cards of one name are told apart by their order. */
export function deviceId(devices: readonly { readonly name: string }[], index: number): string {
  const name = devices[index]?.name ?? '';
  const before = devices.slice(0, index).filter((device) => device.name === name).length;
  return before === 0 ? name : `${name} #${before + 1}`;
}
