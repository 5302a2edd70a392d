/** All benchmarks by the name that `npm run bench` takes. */
import type { BenchOptions, BenchResult } from './result.ts';

export const BENCHES: Readonly<
  Record<string, () => Promise<{ run(options: BenchOptions): Promise<BenchResult> }>>
> = {
  engine: () => import('./engine.ts'),
  serve: () => import('./serve.ts'),
  machine: () => import('./machine.ts'),
  settle: () => import('./settle.ts'),
  ledger: () => import('./ledger.ts'),
  throughput: () => import('./throughput.ts'),
  handback: () => import('./hand-back.ts'),
  predict: () => import('./predict.ts'),
  horde: () => import('./horde.ts'),
  presence: () => import('./presence.ts'),
  batch: () => import('./batch.ts'),
  audit: () => import('./audit.ts'),
  history: () => import('./history.ts'),
  migrations: () => import('./migrations.ts'),
  storefront: () => import('./storefront.ts'),
  strangers: () => import('./strangers.ts'),
  simulate: () => import('./simulate.ts'),
  market: () => import('./market.ts'),
  dev: () => import('./dev.ts'),
  desktop: () => import('./desktop.ts'),
};
