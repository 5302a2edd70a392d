/**
 * Makes the models that a cheating provider could serve instead of the one in its offer, from the model file itself: with
 * coarser weights, or with layers that do nothing. The Q4_1 blocks are changed in place, so that the file stays readable.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { GgmlType, readGgufFileInfo } from 'node-llama-cpp';

const BLOCK_BYTES = 20;
const BLOCK_WEIGHTS = 32;

/** Changes the weights of one block: `values` are its 32 weights, 0 to 15 steps above the minimum. */
type Change = (block: Block) => Block;

interface Block {
  readonly scale: number;
  readonly minimum: number;
  readonly steps: readonly number[];
}

export const COARSER_MODELS = {
  'Q4_0 weights': { layers: null, change: withoutMinimum },
  '3-bit weights': { layers: null, change: levels(8) },
  '2-bit weights': { layers: null, change: levels(4) },
  '3 of 30 layers left out': { layers: [10, 15, 20], change: nothing },
  '8 of 30 layers left out': { layers: [6, 8, 10, 12, 14, 16, 18, 20], change: nothing },
} as const satisfies Readonly<Record<string, { layers: readonly number[] | null; change: Change }>>;
export type CoarserModel = keyof typeof COARSER_MODELS;

/** Writes a changed copy of a Q4_1 model. */
export async function writeCoarserModel(source: string, target: string, kind: CoarserModel): Promise<void> {
  const { layers, change } = COARSER_MODELS[kind];
  const bytes = readFileSync(source);
  const { fullTensorInfo = [] } = await readGgufFileInfo(source, { sourceType: 'filesystem' });
  for (const { name, ggmlType, dimensions, fileOffset } of fullTensorInfo) {
    if (ggmlType !== GgmlType.Q4_1) continue;
    if (layers !== null && !layers.some((layer) => isOutputOf(name, layer))) continue;
    const weights = dimensions.reduce<number>((product, size) => product * Number(size), 1);
    const first = Number(fileOffset);
    for (let block = 0; block < weights / BLOCK_WEIGHTS; block += 1)
      rewriteBlock(bytes, first + block * BLOCK_BYTES, change);
  }
  writeFileSync(target, bytes);
}

/** True for the tensors through which a layer adds to its input. */
function isOutputOf(tensor: string, layer: number): boolean {
  return tensor === `blk.${layer}.attn_output.weight` || tensor === `blk.${layer}.ffn_down.weight`;
}

function rewriteBlock(bytes: Buffer, at: number, change: Change): void {
  const steps: number[] = [];
  for (let index = 0; index < BLOCK_WEIGHTS / 2; index += 1) {
    const pair = bytes[at + 4 + index] ?? 0;
    steps[index] = pair & 15;
    steps[index + BLOCK_WEIGHTS / 2] = pair >> 4;
  }
  const changed = change({
    scale: fromHalf(bytes.readUInt16LE(at)),
    minimum: fromHalf(bytes.readUInt16LE(at + 2)),
    steps,
  });
  bytes.writeUInt16LE(toHalf(changed.scale), at);
  bytes.writeUInt16LE(toHalf(changed.minimum), at + 2);
  for (let index = 0; index < BLOCK_WEIGHTS / 2; index += 1) {
    const low = changed.steps[index] ?? 0;
    const high = changed.steps[index + BLOCK_WEIGHTS / 2] ?? 0;
    bytes[at + 4 + index] = low | (high << 4);
  }
}

/** Quantizes as Q4_0 does: by a scale alone, with the largest weight at -8 steps. */
function withoutMinimum({ scale, minimum, steps }: Block): Block {
  const weights = steps.map((step) => step * scale + minimum);
  const largest = weights.reduce((most, each) => (Math.abs(each) > Math.abs(most) ? each : most), 0);
  const own = fromHalf(toHalf(largest / -8));
  if (own === 0) return { scale: 0, minimum: 0, steps: steps.map(() => 0) };
  const rounded = weights.map((weight) => Math.min(15, Math.max(0, Math.round(weight / own + 8))));
  return { scale: own, minimum: -8 * own, steps: rounded };
}

/** Leaves so many of the 16 levels of each block, evenly spread. */
function levels(count: number): Change {
  const spacing = 15 / (count - 1);
  return (block) => ({
    ...block,
    steps: block.steps.map((step) => Math.round(Math.round(step / spacing) * spacing)),
  });
}

function nothing({ steps }: Block): Block {
  return { scale: 0, minimum: 0, steps: steps.map(() => 0) };
}

const half = new Float16Array(1);
const halfBits = new Uint16Array(half.buffer);

function fromHalf(bits: number): number {
  halfBits[0] = bits;
  return half[0] ?? 0;
}

function toHalf(value: number): number {
  half[0] = value;
  return halfBits[0] ?? 0;
}
