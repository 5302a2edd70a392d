/** Routes for the owner's machines. */
import { AppError } from '../../../shared/errors.ts';
import { type MachinesChange, nameOf } from '../../../shared/machines.ts';
import type { ApiImplementer, ShellImplementer } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';

export function machineRoutes(
  api: ApiImplementer['machines'],
  {
    machines,
    membership,
    readAddress,
    shell,
  }: Pick<ApiParts, 'machines' | 'membership' | 'readAddress' | 'shell'>,
) {
  const confirm = (change: MachinesChange, command: string, machine: string | null = null): Promise<void> =>
    shell.confirm({ about: 'machines', change, machine }, command);
  return {
    invite: api.invite.handler(async ({ input }) => {
      const { invitations } = opened(machines);
      // Another owner may set the payout address.
      if (input.role === 'owner') await confirm('invite-owner', 'pair machine --role owner');
      return invitations.open(input.role);
    }),
    endInvitation: api.endInvitation.handler(async () => {
      await opened(machines).invitations.close();
      return {};
    }),
    order: api.order.handler(async ({ input }) => ({
      failed: [...(await opened(machines).order(input.peer, input.order))],
    })),
    remove: api.remove.handler(async ({ input }) => {
      const { roster } = opened(machines);
      // Its payout address ends with it, and an earlier one counts again.
      const machine = roster.machines().find(({ peer }) => peer === input.peer);
      if (machine?.role === 'owner')
        await confirm('remove-owner', `machines remove ${input.peer}`, nameOf(machine));
      await roster.remove(input.peer);
      return {};
    }),
    join: api.join.handler(async ({ input }) => {
      // The owners of that network set the payout address of this machine.
      if (membership !== null) await confirm('join', 'pair join --outside');
      return machines === null && membership !== null
        ? membership.join(input.code)
        : opened(machines).join(input.code);
    }),
    leave: api.leave.handler(async () => {
      const own = opened(machines);
      if (own.isOwner()) await confirm('leave', 'machines leave');
      return own.leave();
    }),
    found: api.found.handler(() => {
      if (membership !== null) return membership.found();
      throw new AppError('unsupported', 'This machine is among its owner’s machines already.');
    }),
    requestPayout: api.requestPayout.handler(({ input }) => {
      if (!opened(machines).isOwner()) throw notOwner();
      const address = input.address === null ? null : readAddress(input.address);
      if (!shell.connected()) {
        throw new AppError(
          'unsupported',
          `Without the desktop app, the address is confirmed on the terminal. Nothing was changed. Run \`machines payout ${address ?? 'own'}\`.`,
        );
      }
      shell.tell({ type: 'confirm-payout-for-all', address });
      return {};
    }),
    share: api.share.handler(async ({ input }) => {
      await opened(machines).rules.share(input.group, input.isShared);
      return {};
    }),
  };
}

/** Procedures that no page may call. */
export function machineShellRoutes(
  api: ShellImplementer,
  { machines, readAddress }: Pick<ApiParts, 'machines' | 'readAddress'>,
) {
  return {
    inviteOwner: api.inviteOwner.handler(() => opened(machines).invitations.open('owner')),
    removeMachine: api.removeMachine.handler(async ({ input }) => {
      await opened(machines).roster.remove(input.peer);
      return {};
    }),
    leaveMachines: api.leaveMachines.handler(() => opened(machines).leave()),
    setPayoutForAll: api.setPayoutForAll.handler(async ({ input }) => {
      const { roster } = opened(machines);
      await roster.setPayout(input.address === null ? null : readAddress(input.address));
      return {};
    }),
  };
}

function notOwner(): AppError {
  return new AppError(
    'not-permitted',
    'Only an owner’s machine sets the payout address for all. Nothing was changed.',
  );
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
