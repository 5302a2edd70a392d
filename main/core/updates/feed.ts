/** Verifies an update feed, and decides what it means for this installation. */
import { createHash } from 'node:crypto';
import { compactVerify, decodeProtectedHeader, importJWK } from 'jose';
import { parseJson } from '../../../shared/json.ts';
import {
  compareVersions,
  type PackageKind,
  UPDATE_FEED_CHARACTERS_MAX,
  UPDATE_FEED_DAYS_MAX,
  UPDATE_JWS_TYPE,
  type UpdateFeed,
  type UpdateFile,
  type UpdateFinding,
  type UpdateKey,
  type UpdateProblem,
  updateFeedSchema,
} from '../../../shared/updates.ts';

const DAY_MS = 86_400_000;
/** The clocks of two machines may differ by this much. */
const CLOCK_ERROR_MS_MAX = DAY_MS;

/** Returns the feed that one of the keys signed; null for any other text. Never rejects. */
export async function readFeed(text: string, keys: readonly UpdateKey[]): Promise<UpdateFeed | null> {
  if (text.length > UPDATE_FEED_CHARACTERS_MAX) return null;
  try {
    const jws = text.trim();
    const { kid } = decodeProtectedHeader(jws);
    const key = keys.find(({ id }) => id === kid);
    if (key === undefined) return null;
    const { payload, protectedHeader } = await compactVerify(
      jws,
      await importJWK({ kty: 'OKP', crv: 'Ed25519', x: key.x }, 'EdDSA'),
      { algorithms: ['EdDSA'] },
    );
    if (protectedHeader.typ !== UPDATE_JWS_TYPE) return null;
    const feed = updateFeedSchema.safeParse(parseJson(new TextDecoder().decode(payload)));
    const isValid =
      feed.success &&
      feed.data.issuedAtMs < feed.data.expiresAtMs &&
      feed.data.expiresAtMs - feed.data.issuedAtMs <= UPDATE_FEED_DAYS_MAX * DAY_MS;
    return isValid ? feed.data : null;
  } catch {
    return null; // malformed, or not ours
  }
}

/** Returns why a verified feed isn't used now; null if it is. `newestSeenMs` is the newest `issuedAtMs` seen here. */
export function refusalOf(
  feed: Pick<UpdateFeed, 'issuedAtMs' | 'expiresAtMs'>,
  { nowMs, newestSeenMs }: { readonly nowMs: number; readonly newestSeenMs: number },
): UpdateProblem | null {
  if (feed.issuedAtMs < newestSeenMs) return 'replayed';
  if (feed.issuedAtMs > nowMs + CLOCK_ERROR_MS_MAX) return 'clock-wrong';
  return feed.expiresAtMs <= nowMs ? 'expired' : null;
}

export interface Installation {
  readonly version: string;
  readonly kind: PackageKind | null;
  readonly arch: string;
  /** Random and constant. */
  readonly id: string;
}

export interface Judgment {
  readonly finding: UpdateFinding;
  /** Null unless the finding is `available`. */
  readonly file: UpdateFile | null;
}

/**
 * Decides what a feed offers to this installation. `isAsked`: the owner asked and gets it before its turn. A
 * version for 0 percent was withdrawn: nobody gets it.
 */
export function judge(feed: UpdateFeed, here: Installation, isAsked: boolean): Judgment {
  const none = (finding: UpdateFinding): Judgment => ({ finding, file: null });
  const order = compareVersions(feed.version, here.version);
  if (order === null || order <= 0) return none('current');
  const fromOrder = compareVersions(here.version, feed.fromVersion);
  if (fromOrder === null || fromOrder < 0) return none('too-old');
  const draw = isAsked ? 0 : drawOf(here.id, feed.version);
  if (draw >= feed.stagedPercent) return none('staged');
  const file = feed.files.find(({ kind, arch }) => kind === here.kind && arch === here.arch) ?? null;
  return file === null ? none('no-package') : { finding: 'available', file };
}

/** Returns a number from 0 to 99 that is constant for an installation, but another one for the next version. */
export function drawOf(installation: string, version: string): number {
  return createHash('sha256').update(`${installation} ${version}`).digest().readUInt32BE(0) % 100;
}
