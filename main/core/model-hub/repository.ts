/** A repository of the hub at one commit: its license and its GGUF files, from the hub's public API. */
import { z } from 'zod';
import {
  HUB_FILES_MAX,
  type HubFile,
  type HubFileProblem,
  hubFileSchema,
} from '../../../shared/model-files.ts';
import { isPartName } from '../gguf/index.ts';
import { shownText } from '../models/index.ts';
import { encodePath, type HubLink, isModelPath } from './link.ts';
import { HubRefusal } from './refusal.ts';
import { type HubAccess, readHubJson } from './requests.ts';
import { HUB_SITE } from './site.ts';

export interface RepositoryFile extends HubFile {
  /** Null if the hub names none. */
  readonly sha256: string | null;
}

export interface Repository {
  readonly repo: string;
  /** Commit that the link's revision named at this moment. */
  readonly revision: string;
  /** Empty if the publisher names none. */
  readonly license: string;
  readonly files: readonly RepositoryFile[];
}

/** Pages of a listing; each has up to 1,000 files. */
const PAGES_MAX = 5;
const PAGE_FILES_MAX = 2_000;
/** No published model file comes near. */
const FILE_BYTES_MAX = 2 * 1_024 ** 4;

/** https://huggingface.co/docs/hub/api: GET /api/models/{repo} and /api/models/{repo}/revision/{revision} */
const infoSchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  private: z.boolean().optional(),
  gated: z.union([z.boolean(), z.string()]).optional(),
  disabled: z.boolean().optional(),
  tags: z.array(z.string()).max(10_000).optional(),
  cardData: z.object({ license: z.unknown(), license_name: z.unknown() }).partial().nullish(),
});

/** GET /api/models/{repo}/tree/{revision}?recursive=true */
const treeSchema = z
  .array(
    z.object({
      type: z.string(),
      path: z.string(),
      size: z.number().optional(),
      /** Of files in large file storage; `oid` is the sha256. */
      lfs: z.object({ oid: z.string(), size: z.number() }).nullish(),
    }),
  )
  .max(PAGE_FILES_MAX);
type TreeEntry = z.infer<typeof treeSchema>[number];

/** Fails with a {@link HubRefusal}. */
export async function readRepository(
  origin: string,
  { repo, revision }: Pick<HubLink, 'repo' | 'revision'>,
  access: HubAccess,
): Promise<Repository> {
  const api = `${origin}/api/models/${encodePath(repo)}`;
  const infoUrl = new URL(revision === null ? api : `${api}/revision/${encodeURIComponent(revision)}`);
  const { json: info } = await readHubJson(access, infoUrl, infoSchema);
  if (info.disabled === true) throw new HubRefusal('disabled');
  if (info.private === true) throw new HubRefusal('private');
  if (info.gated !== undefined && info.gated !== false) throw new HubRefusal('gated');
  const entries = await readTree(`${api}/tree/${info.sha}`, access);
  const files = entries
    .filter(({ type, path }) => type === 'file' && isModelPath(path))
    .slice(0, HUB_FILES_MAX)
    .map((entry) => describeFile(entry, `${HUB_SITE.origin}/${repo}/blob/${info.sha}`));
  if (files.length === 0) throw new HubRefusal('no-gguf-files');
  return { repo, revision: info.sha, license: licenseOf(info), files };
}

async function readTree(treeUrl: string, access: HubAccess): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  let url = new URL(`${treeUrl}?recursive=true`);
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const { json, next } = await readHubJson(access, url, treeSchema);
    entries.push(...json);
    if (next === null) break;
    if (!URL.canParse(next, url.href)) throw new HubRefusal('bad-answer');
    url = new URL(next, url);
    // The hub may only lead to further pages of the same listing.
    const { origin, pathname } = new URL(treeUrl);
    if (url.origin !== origin || url.pathname !== pathname) throw new HubRefusal('bad-answer');
  }
  return entries;
}

function describeFile({ path, size = 0, lfs }: TreeEntry, base: string): RepositoryFile {
  const sha256 = /^[0-9a-f]{64}$/.test(lfs?.oid ?? '') ? (lfs?.oid ?? null) : null;
  const sizes = hubFileSchema.shape.sizeBytes.positive().max(FILE_BYTES_MAX);
  const isPlausible = sizes.safeParse(size).success && (lfs == null || lfs.size === size);
  return {
    link: `${base}/${encodePath(path)}`,
    path,
    sizeBytes: isPlausible ? size : 0,
    sha256,
    problem: problemOf(path, { isPlausible, sha256 }),
  };
}

function problemOf(
  path: string,
  { isPlausible, sha256 }: { readonly isPlausible: boolean; readonly sha256: string | null },
): HubFileProblem | null {
  const name = path.split('/').at(-1) ?? path;
  if (isPartName(name)) return 'split';
  if (/mmproj/i.test(name)) return 'vision-only';
  if (!isPlausible) return 'absurd-size';
  return sha256 === null ? 'no-checksum' : null;
}

function licenseOf({ cardData, tags = [] }: z.infer<typeof infoSchema>): string {
  const named = cardData?.license === 'other' ? (cardData.license_name ?? 'other') : cardData?.license;
  const tag = tags.find((each) => each.startsWith('license:'))?.slice('license:'.length);
  return shownText(named) ?? shownText(tag) ?? '';
}
