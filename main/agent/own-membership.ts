/** Joins a machine that sells to others with its owner's other machines, or makes it the first of them. Counts from the next start. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { AppError } from '../../shared/errors.ts';
import { plainMachineName } from '../../shared/machines.ts';
import type { ShellLink } from '../api/shell-link.ts';
import { foundNetwork, type MembershipRecord } from '../core/machines/index.ts';
import type { Network } from '../ports/network.ts';
import type { Foundation } from './foundation.ts';
import { joinByCode } from './joining.ts';
import { membershipFile } from './membership-file.ts';
import type { Surroundings } from './surroundings.ts';

/** `restarts`: the start from which it counts follows automatically. */
export interface OutsideMembership {
  /** Fails like `joinByCode`, and with `bad-request` for a machine that has joined already. */
  join(code: string): Promise<{ readonly restarts: boolean }>;
  /** Fails with `bad-request` for a machine that has joined already. */
  found(): Promise<{ readonly restarts: boolean }>;
}

/** Null among machines that work for each other only: each of them is a member from its first start on. */
export function openOutsideMembership(
  { terms, serves, config, clock, log }: Surroundings,
  { paths }: Pick<Foundation, 'paths'>,
  { network, shell }: { readonly network: Pick<Network, 'key'>; readonly shell: Pick<ShellLink, 'tell'> },
): OutsideMembership | null {
  if (!terms.isPaid || !serves) return null;
  const file = membershipFile(paths.keys, 'outside');
  const name = plainMachineName(hostname());

  async function become(member: () => Promise<MembershipRecord>): Promise<{ readonly restarts: boolean }> {
    if (file.read() !== null) {
      throw new AppError(
        'bad-request',
        'This machine is in a network of your machines already, or will be at its next start. Nothing was changed.',
      );
    }
    const record = await member();
    file.write(record);
    log.child('machines').info('This machine is among its owner’s machines', { founder: record.founder });
    const restarts = config.host === 'desktop';
    if (restarts) shell.tell({ type: 'restart' });
    return { restarts };
  }

  return {
    join: (code) => become(() => joinByCode(paths.keys, { code, name })),
    found: () => become(() => foundNetwork(network.key, { ...newNetwork(), name, nowMs: clock.now() })),
  };
}

/** A key and an ID that no other network has. */
export function newNetwork(): Pick<MembershipRecord, 'network' | 'networkKey'> {
  return { networkKey: randomBytes(32).toString('hex'), network: randomBytes(8).toString('hex') };
}
