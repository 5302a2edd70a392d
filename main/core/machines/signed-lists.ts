/** Reads the lists that owners signed, and keeps the newest one of each. */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError } from '../../../shared/errors.ts';
import { parseJson } from '../../../shared/json.ts';
import { type OwnerList, ownerListSchema } from '../../../shared/machines.ts';
import type { VerifySigned } from '../../ports/network.ts';
import { mergeLists } from './owner-lists.ts';

/** A list and the JWS that it was read from. */
export interface SignedList {
  readonly list: OwnerList;
  readonly jws: string;
}

/** Returns the verified list. Fails with `bad-request`. */
export async function readList(
  jws: string,
  network: string,
  verifySigned: VerifySigned,
): Promise<SignedList> {
  const parsed = checkShape(
    ownerListSchema,
    await verifySigned(
      jws,
      claimedSigner(jws, ownerListSchema.pick({ owner: true }), ({ owner }) => owner),
    ),
  );
  if (!parsed.success || parsed.data.network !== network) {
    throw new AppError('bad-request', 'A list of machines is invalid.');
  }
  return { list: parsed.data, jws };
}

/** The peer ID that the text names as its signer, which isn't verified; fails with `bad-request`. */
export function claimedSigner<Claims>(
  jws: string,
  schema: z.ZodType<Claims>,
  signerOf: (claims: Claims) => string,
): string {
  try {
    const payload = parseJson(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8'));
    return signerOf(schema.parse(payload));
  } catch {
    throw new AppError('bad-request', 'A list of machines is invalid.');
  }
}

/**
 * Returns the newest list of each owner, and the newest of `own`, which has no effect while that machine isn't an owner.
 * Lists of others are dropped: a machine that was removed can't make the rest grow.
 */
export function newestLists(
  founder: string,
  own: string,
  lists: readonly SignedList[],
): readonly SignedList[] {
  const newest = new Map<string, SignedList>();
  for (const each of lists) {
    const known = newest.get(each.list.owner);
    if (known === undefined || isNewer(each, known)) newest.set(each.list.owner, each);
  }
  const { owners } = mergeLists(
    founder,
    [...newest.values()].map(({ list }) => list),
  );
  return [...newest.values()]
    .filter(({ list }) => list.owner === own || owners.includes(list.owner))
    .sort((left, right) => (left.list.owner < right.list.owner ? -1 : 1));
}

/** Two lists with one version were signed by an owner whose data folder was restored: all machines choose the same one. */
function isNewer(given: SignedList, known: SignedList): boolean {
  const difference = given.list.version - known.list.version;
  return difference > 0 || (difference === 0 && given.jws > known.jws);
}

export function digestOf(signed: readonly { readonly jws: string }[]): string {
  const hash = createHash('sha256');
  for (const { jws } of signed) hash.update(`${jws}\n`);
  return hash.digest('hex');
}
