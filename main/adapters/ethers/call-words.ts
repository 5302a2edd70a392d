/**
 * Encodes calls whose arguments are words of 32 bytes, with at most one `bytes` at the end, many times as fast as ethers.
 * Every other function, and every argument in another form than the plain one, is left to ethers, which converts or refuses it.
 */
import type { FunctionFragment, ParamType } from 'ethers';

/** Returns the call's data, or null if ethers has to encode it. */
export type EncodeWords = (args: readonly unknown[]) => string | null;

/** Adds an argument's words to those before it; returns false for a value in another form than the plain one. */
type AddWords = (value: unknown, words: string[]) => boolean;

const ADDRESS = /^0x[0-9a-f]{40}$/;
const WORD = /^0x[0-9a-fA-F]{64}$/;
const BYTES = /^0x(?:[0-9a-fA-F]{2})*$/;
const DECIMALS = /^\d{1,78}$/;
const WORD_DIGITS = 64;
const WORD_BYTES = 32;

/** Returns null for a function with other arguments than words and a last `bytes`. */
export function encoderOf(fragment: FunctionFragment): EncodeWords | null {
  const last = fragment.inputs.at(-1);
  const hasBytes = last?.type === 'bytes';
  const adders = (hasBytes ? fragment.inputs.slice(0, -1) : fragment.inputs).map(adderOf);
  if (!adders.every((adder) => adder !== null)) return null;
  const { selector } = fragment;
  return (args) => {
    if (args.length !== fragment.inputs.length) return null;
    const words: string[] = [];
    if (!adders.every((add, index) => add(args[index], words))) return null;
    if (!hasBytes) return selector + words.join('');
    const bytes = args.at(-1);
    if (typeof bytes !== 'string' || !BYTES.test(bytes)) return null;
    const digits = bytes.slice(2);
    const padded = Math.ceil(digits.length / WORD_DIGITS) * WORD_DIGITS;
    const offset = (words.length + 1) * WORD_BYTES;
    return (
      selector + words.join('') + number(offset) + number(digits.length / 2) + digits.padEnd(padded, '0')
    );
  };
}

const number = (value: number | bigint): string => value.toString(16).padStart(WORD_DIGITS, '0');

function adderOf(parameter: ParamType): AddWords | null {
  if (parameter.isTuple()) return structAdder(parameter.components);
  if (parameter.type === 'address') return (value, words) => addMatch(ADDRESS, value, words);
  if (parameter.type === 'bytes32') return (value, words) => addMatch(WORD, value, words);
  const bits = /^uint(\d+)$/.exec(parameter.type)?.[1];
  if (bits === undefined) return null;
  const max = 2n ** BigInt(bits);
  return (value, words) => addNumber(max, value, words);
}

/** The fields are read by name, so a list of values is left to ethers. */
function structAdder(components: readonly ParamType[]): AddWords | null {
  const fields = components.map((component) => ({ name: component.name, add: adderOf(component) }));
  if (!fields.every((field) => field.add !== null && field.name !== '')) return null;
  return (value, words) => {
    if (typeof value !== 'object' || value === null) return false;
    return fields.every(({ name, add }) => add?.((value as Record<string, unknown>)[name], words) ?? false);
  };
}

function addMatch(form: RegExp, value: unknown, words: string[]): boolean {
  if (typeof value !== 'string' || !form.test(value)) return false;
  words.push(value.slice(2).padStart(WORD_DIGITS, '0'));
  return true;
}

/** `max` is the first number that is too large. */
function addNumber(max: bigint, value: unknown, words: string[]): boolean {
  const isPlain =
    typeof value === 'bigint' ||
    (typeof value === 'number' && Number.isSafeInteger(value)) ||
    (typeof value === 'string' && DECIMALS.test(value));
  if (!isPlain) return false;
  const integer = BigInt(value as bigint | number | string);
  if (integer < 0n || integer >= max) return false;
  words.push(number(integer));
  return true;
}
