/**
 * Looks up a link on the hub before anything is downloaded: which file it names, at which commit, with which size,
 * checksum and license, and what the file's header says that it is. Everything that the hub answers is untrusted.
 */
import type { HubAnswer, HubModel } from '../../../shared/model-files.ts';
import type { Clock } from '../../ports/clock.ts';
import { type FileKind, fileKind, type GgufHeader, kindOfFailure, parseGgufStart } from '../gguf/index.ts';
import { factsOfHeader, shownText } from '../models/index.ts';
import { encodePath, type HubLink, parseHubLink } from './link.ts';
import { HubRefusal } from './refusal.ts';
import { type Repository, type RepositoryFile, readRepository } from './repository.ts';
import { type HubAccess, readStart } from './requests.ts';
import { HUB_SITE, type HubSite } from './site.ts';

/** A model with what its download and its fit need. */
export interface FoundModel extends Omit<HubModel, 'fit'> {
  readonly url: string;
  readonly contextBytesPerToken: number;
}

export type LookUp =
  | Exclude<HubAnswer, { kind: 'model' }>
  | { readonly kind: 'model'; readonly model: FoundModel };

export interface ModelHub {
  /** Never fails for what the hub or the link is; rejects with the signal's reason. */
  lookUp(link: string, signal?: AbortSignal): Promise<LookUp>;
}

export interface ModelHubOptions {
  /** Follows the hub's redirects to its own hosts only. */
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly site?: HubSite;
}

/** Headers of the largest vocabularies in use take about 16 MB. */
const HEADER_BYTES_MAX = 32 * 1_024 * 1_024;

export function createModelHub({ fetch, clock, site = HUB_SITE }: ModelHubOptions): ModelHub {
  return {
    async lookUp(text, signal = new AbortController().signal) {
      const access = { fetch, clock, signal };
      try {
        const link = parseHubLink(text);
        const repository = await readRepository(site.origin, link, access);
        const files = chooseFiles(repository, link);
        const [file] = files;
        if (files.length === 1 && file !== undefined && file.sha256 !== null && file.problem === null)
          return { kind: 'model', model: await readModel(site.origin, repository, file, access) };
        const { repo, revision, license } = repository;
        return { kind: 'files', repo, revision, license, files: files.map(({ sha256: _, ...each }) => each) };
      } catch (error) {
        if (!(error instanceof HubRefusal)) throw error;
        return { kind: 'refused', problem: error.problem, detail: error.detail };
      }
    },
  };
}

/** Returns the one file that the link means, or those that the owner must choose from. */
function chooseFiles({ files }: Repository, { file, quantisation }: HubLink): readonly RepositoryFile[] {
  if (file !== null) {
    const named = files.find(({ path }) => path === file);
    if (named === undefined) throw new HubRefusal('no-file');
    if (named.problem === 'split') throw new HubRefusal('split');
    return [named];
  }
  const wanted = quantisation === null ? files : files.filter(({ path }) => hasPart(path, quantisation));
  if (wanted.length === 0) throw new HubRefusal('no-quantisation', quantisation ?? '');
  if (wanted.every(({ problem }) => problem === 'split')) throw new HubRefusal('split');
  const usable = wanted.filter(({ problem }) => problem === null);
  return usable.length === 1 ? usable : wanted;
}

/** True if the file's name has the part between separators: `q4_k_m` in `a-Q4_K_M.gguf`, but not `q4_k`. */
function hasPart(path: string, part: string): boolean {
  const name = (path.split('/').at(-1) ?? path).toLowerCase();
  for (let at = name.indexOf(part.toLowerCase()); at !== -1; at = name.indexOf(part.toLowerCase(), at + 1)) {
    const before = name[at - 1] ?? '-';
    const after = name[at + part.length] ?? '-';
    if (/[-.]/.test(before) && /[-.]/.test(after)) return true;
  }
  return false;
}

async function readModel(
  origin: string,
  { repo, revision, license }: Repository,
  { path, link, sizeBytes, sha256 }: RepositoryFile,
  access: HubAccess,
): Promise<FoundModel> {
  const url = `${origin}/${repo}/resolve/${revision}/${encodePath(path)}`;
  const { header, kind } = await readHeader(new URL(url), sizeBytes, access);
  const name = path.split('/').at(-1) ?? path;
  const facts = factsOfHeader(header ?? EMPTY_HEADER, name);
  const problem = kind.problem === null ? { problem: null, detail: '' } : kind;
  return {
    ...facts,
    publisher: shownText(repo.split('/')[0]) ?? '',
    license: license || facts.license,
    ...{ link, repo, revision, path, url, sizeBytes },
    sha256: sha256 ?? '',
    use: kind.use,
    problem: problem.problem,
    detail: problem.detail,
  };
}

const EMPTY_HEADER: GgufHeader = {
  values: new Map(),
  longTexts: new Map(),
  tensors: [],
  fileBytesMin: 0,
};

/** Reads only as much of the file as its header takes. */
async function readHeader(
  url: URL,
  sizeBytes: number,
  access: HubAccess,
): Promise<{ readonly header: GgufHeader | null; readonly kind: FileKind }> {
  const parse = (bytes: Buffer) => {
    try {
      return parseGgufStart(bytes);
    } catch (error) {
      return kindOfFailure(error);
    }
  };
  const found = await readStart(access, url, { bytesMax: Math.min(HEADER_BYTES_MAX, sizeBytes), parse });
  if (found === null) return { header: null, kind: { use: null, problem: 'damaged', detail: '' } };
  if ('tensors' in found) return { header: found, kind: fileKind(found, sizeBytes) };
  return { header: null, kind: found };
}
