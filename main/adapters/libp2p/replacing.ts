/** Returns the same object with another value for one property. */
export function replacing<Whole extends object, Name extends keyof Whole>(
  whole: Whole,
  name: Name,
  value: Whole[Name],
): Whole {
  return new Proxy(whole, {
    get(target, property) {
      if (property === name) return value;
      const found: unknown = Reflect.get(target, property);
      return typeof found === 'function' ? found.bind(target) : found;
    },
  });
}
