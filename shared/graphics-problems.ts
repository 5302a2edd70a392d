/** Reasons for which an engine doesn't compute with a library for GPUs. */
import { z } from 'zod';

/** Libraries of llama.cpp for GPUs; the fastest of a system first. */
export const GRAPHICS_BACKENDS = ['cuda', 'metal', 'vulkan'] as const;
export type GraphicsBackend = (typeof GRAPHICS_BACKENDS)[number];

const TEXT_MAX = 300;

export const graphicsProblemSchema = z.object({
  backend: z.enum(GRAPHICS_BACKENDS),
  why: z.enum([
    'absent', // this copy of Idlewatt doesn't contain it
    'library', // it needs a library that the system lacks
    'failed', // the system refuses to load it
    'no-device', // it loads, but no GPU can be used with it
  ]),
  /** Name of the missing library, or the system's reason; null for the other two. */
  detail: z.string().max(TEXT_MAX).nullable(),
});
export type GraphicsProblem = z.infer<typeof graphicsProblemSchema>;

/** `message` is the loader's text; one that is too long is cut. */
export function loadProblem(backend: GraphicsBackend, message: string): GraphicsProblem {
  const library = /^([\w.+-]+\.so[\w.]*): cannot open shared object file/.exec(message)?.[1];
  if (library !== undefined) return { backend, why: 'library', detail: library };
  // Windows names no library.
  if (/specified module could not be found/i.test(message)) return { backend, why: 'library', detail: null };
  return { backend, why: 'failed', detail: message.split('\n', 1)[0]?.slice(0, TEXT_MAX) ?? null };
}
