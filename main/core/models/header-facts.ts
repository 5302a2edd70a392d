/** Facts of a model that come from its file's header, as a catalog entry has them. */
import type { GgufHeader } from '../gguf/index.ts';
import type { CatalogueEntry } from './catalogue.ts';

export type HeaderFacts = Pick<
  CatalogueEntry,
  'name' | 'publisher' | 'license' | 'parameters' | 'quantisation' | 'contextTokens' | 'contextBytesPerToken'
>;

const SLUG_CHARACTERS_MAX = 80;
/** Pattern of {@link slugOf}. */
export const SLUG = `[a-z0-9.-]{1,${SLUG_CHARACTERS_MAX}}`;
const TEXT_CHARACTERS_MAX = 80;
/** 16-bit keys and values. */
const BYTES_PER_NUMBER = 2;
/** Assumed where the header lacks what it is computed from: more than most models of 8 billion parameters take. */
const CONTEXT_BYTES_PER_TOKEN_USUAL = 131_072;
/** Names by `general.file_type` for the mixtures that the largest tensor's type doesn't name. */
const MIXTURES: Readonly<Record<number, string>> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  7: 'Q8_0',
  8: 'Q5_0',
  9: 'Q5_1',
  10: 'Q2_K',
  11: 'Q3_K_S',
  12: 'Q3_K_M',
  13: 'Q3_K_L',
  14: 'Q4_K_S',
  15: 'Q4_K_M',
  16: 'Q5_K_S',
  17: 'Q5_K_M',
  18: 'Q6_K',
  32: 'BF16',
};

/** Part of an ID that a file's name becomes. */
export function slugOf(fileName: string): string {
  const slug = fileName
    .toLowerCase()
    .replace(/\.gguf$/, '')
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '');
  return slug.slice(0, SLUG_CHARACTERS_MAX) || 'model';
}

/** `fileName`: names the model where the header doesn't. */
export function factsOfHeader({ values, tensors }: GgufHeader, fileName: string): HeaderFacts {
  const architecture = String(values.get('general.architecture'));
  const number = (key: string): number | null => {
    const value = values.get(`${architecture}.${key}`);
    return typeof value === 'number' ? value : null;
  };
  const weights = tensors.reduce((sum, { shape }) => sum + product(shape), 0);
  const largest = tensors.toSorted((left, right) => product(right.shape) - product(left.shape))[0];
  return {
    name: shownText(values.get('general.name')) ?? fileName.replace(/\.gguf$/i, ''),
    publisher: shownText(values.get('general.organization')) ?? shownText(values.get('general.author')) ?? '',
    license: shownText(values.get('general.license')) ?? '',
    parameters: shownText(values.get('general.size_label')) ?? millions(weights),
    quantisation: MIXTURES[Number(values.get('general.file_type') ?? -1)] ?? largest?.type ?? '',
    contextTokens: number('context_length') ?? 1,
    contextBytesPerToken: contextBytes(number),
  };
}

function contextBytes(number: (key: string) => number | null): number {
  const layers = number('block_count');
  const heads = number('attention.head_count');
  const keyHeads = number('attention.head_count_kv') ?? heads;
  const width = number('embedding_length');
  if (!layers || !keyHeads || !heads || !width) return CONTEXT_BYTES_PER_TOKEN_USUAL;
  const headWidth = number('attention.key_length') ?? width / heads;
  return Math.ceil(2 * layers * keyHeads * headWidth * BYTES_PER_NUMBER);
}

function product(shape: readonly number[]): number {
  return shape.reduce((size, each) => size * each, 1);
}

function millions(weights: number): string {
  return weights >= 1e9 ? `${(weights / 1e9).toFixed(1)}B` : `${Math.max(1, Math.round(weights / 1e6))}M`;
}

/** Texts of strangers may be anything: only short printable ones are shown. */
export function shownText(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const shown = value.replaceAll(/[\p{Cc}\p{Cf}]/gu, '').trim();
  return shown === '' ? null : shown.slice(0, TEXT_CHARACTERS_MAX);
}
