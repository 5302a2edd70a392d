/** Joins the private network of a machine of this LAN that shows a code. */
import { AppError } from '../../shared/errors.ts';
import { bip39Words } from '../adapters/ethers/index.ts';
import { createNetwork, verifySigned } from '../adapters/libp2p/index.ts';
import { joinNetwork, type MembershipRecord } from '../core/machines/index.ts';
import { systemClock } from '../ports/clock.ts';
import { PROGRAM } from '../ports/program.ts';
import { PAIRING_LISTEN, PAIRING_TAG } from './pairing-place.ts';

/** Time in which the machine that shows the code is found. */
const JOIN_MS_MAX = 60_000;

/**
 * Resolves with what this machine has to keep; nothing is stored here. `keysFolder` has its peer key. Fails with
 * `bad-request`, `not-permitted` and `not-found`, see `joinNetwork`.
 */
export async function joinByCode(
  keysFolder: string,
  { code, name }: { readonly code: string; readonly name: string },
): Promise<MembershipRecord> {
  const network = await createNetwork({
    folder: keysFolder,
    ...{ listen: PAIRING_LISTEN, mdns: true, mdnsServiceTag: PAIRING_TAG, clock: systemClock },
  });
  await network.start();
  try {
    const signal = AbortSignal.timeout(JOIN_MS_MAX);
    const parts = { network, words: bip39Words(), verifySigned, clock: systemClock, name, signal };
    return await joinNetwork(parts, code);
  } finally {
    await network.stop();
  }
}

/** Fails with `bad-request` for a machine with others in its network: it would leave them. */
export function refuseWithOthers(others: number): void {
  if (others === 0) return;
  throw new AppError(
    'bad-request',
    `This machine is in a network with ${others} other machine${others === 1 ? '' : 's'}. Nothing was changed. To leave it, run \`${PROGRAM.command} machines leave\`.`,
  );
}
