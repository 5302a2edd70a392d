/** Builds with Vite, which is loaded only for that: most commands find everything built. */
import type { InlineConfig } from 'vite';

export async function viteBuild(config: InlineConfig): Promise<void> {
  const { build } = await import('vite');
  await build(config);
}
