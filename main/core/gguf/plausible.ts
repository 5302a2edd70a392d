/**
 * Checks the parameters of a model file before the engine acts on them: llama.cpp allocates memory for each layer and
 * token that the file claims, and a chat template is a program that runs for each request.
 */
import { AppError } from '../../../shared/errors.ts';
import { type GgufHeader, readGgufHeader } from './header.ts';

/** Smallest and largest plausible value of a parameter; the largest published models stay far below. */
const LIMITS = {
  block_count: [1, 1_024],
  context_length: [1, 2 ** 24],
  embedding_length: [1, 2 ** 18],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;
/** The same for parameters that some architectures lack or have as an array, one per layer. */
const OPTIONAL_LIMITS = {
  feed_forward_length: [0, 2 ** 21],
  'attention.head_count': [0, 2 ** 14],
  'attention.head_count_kv': [0, 2 ** 14],
  'attention.key_length': [0, 2 ** 16],
  'attention.value_length': [0, 2 ** 16],
  expert_count: [0, 2 ** 12],
  expert_used_count: [0, 2 ** 12],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;
/** The longest template in use has about 20,000 bytes. */
const TEMPLATE_BYTES_MAX = 65_536;
const TEMPLATES = /^tokenizer\.chat_template(\..+)?$/;

/** Reads the file's header and checks it. Fails with `model-unavailable`, with the reason. */
export async function checkModelFile(path: string): Promise<void> {
  checkHeader(await readGgufHeader(path));
}

/** Fails with `model-unavailable` if a parameter is missing, out of range or not a whole number. */
export function checkHeader({ values, longTexts, tensors }: GgufHeader): void {
  const architecture = values.get('general.architecture');
  if (typeof architecture !== 'string') throw refused('it names no architecture');
  for (const [name, limits] of Object.entries(LIMITS)) {
    checkRange(name, values.get(`${architecture}.${name}`), limits);
  }
  for (const [name, limits] of Object.entries(OPTIONAL_LIMITS)) {
    const value = values.get(`${architecture}.${name}`);
    if (value !== undefined) checkRange(name, value, limits);
  }
  for (const [name, bytes] of longTexts) {
    if (TEMPLATES.test(name) && bytes > TEMPLATE_BYTES_MAX) throw refused('its chat template is too long');
  }
  if (tensors.length === 0) throw refused('it contains no weights');
}

function checkRange(name: string, value: unknown, [min, max]: readonly [number, number]): void {
  if (value === undefined) throw refused(`${name} is missing`);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw refused(`${name} must be a whole number from ${min} to ${max}`);
  }
}

function refused(reason: string): AppError {
  return new AppError('model-unavailable', `The model file can’t be used: ${reason}. Choose another model.`, {
    details: { reason: 'implausible', what: reason },
  });
}
