/** Asks the default router for a port, reports its answer, and has the port removed when the test asks for it. */
import { createPortMapper } from '../../main/adapters/router/index.ts';
import { defaultRouter } from '../../main/adapters/systeminformation/index.ts';
import { forceUnwrap } from '../../shared/assert.ts';

export interface MapperReport {
  readonly answer: unknown;
  readonly isRemoved?: true;
}

const ASK_MS_MAX = 30_000;
process.on('disconnect', () => process.exit(0));
const report = (message: MapperReport) => void process.send?.(message);

const router = forceUnwrap('the lab has routers', await defaultRouter());
const answer = await createPortMapper({ fetch }).map(
  { router, internalPort: 4_001, lifetimeMs: 3_600_000 },
  AbortSignal.timeout(ASK_MS_MAX),
);
report({ answer });
process.on('message', async () => {
  if (typeof answer !== 'string') await answer.remove(AbortSignal.timeout(ASK_MS_MAX));
  report({ answer, isRemoved: true });
});
