/** Routes for the owner's machines. */
import { AppError } from '../../../shared/errors.ts';
import type { ApiImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

export function machineRoutes(api: ApiImplementer['machines'], { machines }: Pick<ApiParts, 'machines'>) {
  return {
    invite: api.invite.handler(({ input }) => opened(machines).invitations.open(input.role)),
    endInvitation: api.endInvitation.handler(async () => {
      await opened(machines).invitations.close();
      return {};
    }),
    order: api.order.handler(async ({ input }) => ({
      failed: [...(await opened(machines).order(input.peer, input.order))],
    })),
    remove: api.remove.handler(async ({ input }) => {
      await opened(machines).roster.remove(input.peer);
      return {};
    }),
    join: api.join.handler(({ input }) => opened(machines).join(input.code)),
    share: api.share.handler(async ({ input }) => {
      await opened(machines).rules.share(input.group, input.isShared);
      return {};
    }),
  };
}

function opened(machines: ApiParts['machines']): NonNullable<ApiParts['machines']> {
  if (machines === null) {
    throw new AppError(
      'unsupported',
      'This machine is in no private network. Choose it in Settings, or start it with --profile office.',
    );
  }
  return machines;
}
