/** A life of an agent that ends at a chosen step: from then on each write and each call of the chain fails. */

export class Stopped extends Error {}

export interface Life {
  /** Steps until it ends. */
  left: number;
}

export function createLife() {
  const life: Life = { left: Number.POSITIVE_INFINITY };
  function step(): void {
    if (life.left <= 0) throw new Stopped('the agent has stopped');
    life.left -= 1;
  }
  /** Returns the port with these functions counted as steps. */
  function mortal<Port extends object>(port: Port, names: readonly (keyof Port)[]): Port {
    const calls = names.map((name) => [
      name,
      (...args: readonly unknown[]) => {
        step();
        return (port[name] as (...args: readonly unknown[]) => unknown)(...args);
      },
    ]);
    return { ...port, ...Object.fromEntries(calls) };
  }
  return { life, step, mortal };
}
