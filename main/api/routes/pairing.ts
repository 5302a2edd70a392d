/** Procedures of the paired browsers: pages and the terminal list and revoke them; only the terminal opens a code. */
import { AppError } from '../../../shared/errors.ts';
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

export function pairingRoutes(api: ApiImplementer['pairing'], { pairing }: Pick<ApiParts, 'pairing'>) {
  return {
    list: api.list.handler(() => ({ browsers: [...(pairing?.list() ?? [])] })),
    revoke: api.revoke.handler(({ input }) => {
      served(pairing).revoke(input.id);
      return {};
    }),
  };
}

/** Fails with `unsupported` in the desktop, whose pages come through the shell. */
export function served(pairing: ApiParts['pairing']): NonNullable<ApiParts['pairing']> {
  if (pairing === null) {
    throw new AppError(
      'unsupported',
      'Browsers are paired with an agent without the desktop app. Start it with --headless.',
    );
  }
  return pairing;
}
