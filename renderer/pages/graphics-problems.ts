/** Chooses the problems with libraries for GPUs that the Machine page shows. */
import type { GraphicsProblem } from '../../shared/graphics-problems.ts';

/** Names of the cards for which CUDA exists. */
const NVIDIA = /nvidia|geforce|\brtx\b|\bgtx\b|quadro|tesla/i;

/** The problems that concern one of the GPUs; `cards` are those that are on. */
export function concerning(
  problems: readonly GraphicsProblem[],
  cards: readonly { readonly name: string }[],
): readonly GraphicsProblem[] {
  if (cards.length === 0) return [];
  return problems.filter(({ backend }) => backend !== 'cuda' || cards.some(({ name }) => NVIDIA.test(name)));
}
