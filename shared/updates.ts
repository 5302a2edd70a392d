/**
 * Format of the update feed, and the public keys that may sign it. A feed is one compact JWS in a static folder, next to
 * the packages that it names.
 */
import { z } from 'zod';

/** Name of the feed's file in its folder. */
export const UPDATE_FEED_FILE = 'idlewatt-updates.jws';
export const UPDATE_FORMAT = 'idlewatt-updates-1';
/** The JWS's type, so that no other signature of the same key counts as a feed. */
export const UPDATE_JWS_TYPE = 'idlewatt-updates+jws';
/** Environment variable with the private key as a JWK, for `npm run feed`. */
export const UPDATE_KEY_VARIABLE = 'UPDATE_SIGNING_KEY';

export interface UpdateKey {
  /** The JWS's `kid`. */
  readonly id: string;
  /** Ed25519 public key, 32 bytes in base64url. */
  readonly x: string;
}

/**
 * Keys whose feeds this program accepts: `npm run feed -- keygen` makes one (docs/release.md). Without any, nothing is
 * contacted for updates.
 */
export const UPDATE_KEYS: readonly UpdateKey[] = [];

/** Characters of the whole feed. */
export const UPDATE_FEED_CHARACTERS_MAX = 32_768;
/** Size of one package, in bytes: twice what a package may have today. */
export const UPDATE_BYTES_MAX = 400_000_000;
/** A feed is valid for at most this long, so that nobody can hide a newer version for longer. */
export const UPDATE_FEED_DAYS_MAX = 100;

/** `appimage` replaces itself; for the others, Idlewatt downloads and verifies what the owner installs. */
export const PACKAGE_KINDS = ['appimage', 'deb', 'rpm', 'nsis', 'dmg'] as const;
export const packageKindSchema = z.enum(PACKAGE_KINDS);
export type PackageKind = z.infer<typeof packageKindSchema>;

/** Three numbers without leading zeros, as of a released version. */
const versionSchema = z.string().regex(/^(?:0|[1-9]\d{0,5})(?:\.(?:0|[1-9]\d{0,5})){2}$/);

export const updateFileSchema = z.object({
  kind: packageKindSchema,
  /** As `process.arch` names it. */
  arch: z.enum(['x64', 'arm64']),
  /** Name in the feed's folder; no path. */
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$/),
  bytes: z.number().int().positive().max(UPDATE_BYTES_MAX),
  /** Lowercase hexadecimal digits. */
  sha512: z.string().regex(/^[0-9a-f]{128}$/),
});
export type UpdateFile = z.infer<typeof updateFileSchema>;

export const updateFeedSchema = z.object({
  format: z.literal(UPDATE_FORMAT),
  version: versionSchema,
  /** Time of the signature. A feed with an earlier one than the newest seen is a replay. */
  issuedAtMs: z.number().int().positive(),
  expiresAtMs: z.number().int().positive(),
  /** Share of the installations that are offered this version. */
  stagedPercent: z.number().int().min(0).max(100),
  /** Earliest version that can be updated to this one. */
  fromVersion: versionSchema,
  files: z.array(updateFileSchema).max(20),
});
export type UpdateFeed = z.infer<typeof updateFeedSchema>;

/** Negative if `left` is the earlier version, positive if it is the later one. Null if one of them isn't a released one. */
export function compareVersions(left: string, right: string): number | null {
  if (!versionSchema.safeParse(left).success || !versionSchema.safeParse(right).success) return null;
  const others = right.split('.').map(Number);
  return left.split('.').reduce((order, part, index) => order || Number(part) - (others[index] ?? 0), 0);
}

/** Reasons for the failure of the last check, download or installation. */
export const UPDATE_PROBLEMS = [
  'unreachable', // details are in `reason`
  'wrong-signature', // none of our keys signed the feed, or it is malformed
  'replayed', // older than a feed that was seen here
  'expired', // no new one for too long
  'clock-wrong', // signed more than a day after this machine's time
  'wrong-file', // the package isn't the one that the feed pins
  'disk-full',
  'not-installed', // the package is there, but could not take the place of the running one
] as const;
export const updateProblemSchema = z.enum(UPDATE_PROBLEMS);
export type UpdateProblem = z.infer<typeof updateProblemSchema>;

/**
 * Result of the last check that succeeded. `staged`: this installation's turn comes later. `too-old`: this version can't
 * be updated to the new one directly. `no-package`: none for this system, or this copy wasn't installed from a package.
 */
export const updateFindingSchema = z.enum(['current', 'available', 'staged', 'too-old', 'no-package']);
export type UpdateFinding = z.infer<typeof updateFindingSchema>;

/** State that the pages show. */
export const updateStateSchema = z.object({
  /** Address of the feed's folder; null: none is configured, and nothing is contacted. */
  feed: z.string().nullable(),
  doing: z.enum(['nothing', 'checking', 'downloading', 'waiting-for-jobs', 'installing']),
  /** Time of the last check that succeeded since the start. */
  checkedAtMs: z.number().nullable(),
  finding: updateFindingSchema.nullable(),
  /** The version that the finding is about. */
  version: z.string().nullable(),
  /** Bytes of its package, and how many have arrived; null if there is none. */
  bytes: z.number().nullable(),
  receivedBytes: z.number().nullable(),
  /** The downloaded and verified package, absolute. */
  file: z.string().nullable(),
  kind: packageKindSchema.nullable(),
  problem: updateProblemSchema.nullable(),
  /** Details of the problem, in English. */
  reason: z.string().nullable(),
});
export type UpdateState = z.infer<typeof updateStateSchema>;
