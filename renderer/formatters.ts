/** Intl's formatters of numbers and times, made once for each language and notation: making one costs more than its use. */

const numbers = new Map<string, Intl.NumberFormat>();
const times = new Map<string, Intl.DateTimeFormat>();

export function numberFormat(language: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  return made(numbers, language, options, () => new Intl.NumberFormat(language, options));
}

export function timeFormat(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return made(times, language, options, () => new Intl.DateTimeFormat(language, options));
}

function made<F>(known: Map<string, F>, language: string, options: object, make: () => F): F {
  const key = `${language} ${JSON.stringify(options)}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const format = make();
  known.set(key, format);
  return format;
}
