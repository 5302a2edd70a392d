/**
 * Parses links to model files on the Hugging Face hub: addresses of its pages and files, and the short forms of
 * llama.cpp, Ollama and node-llama-cpp. The text comes from a clipboard: each part is checked before it is used.
 */
import { HUB_LINK_CHARACTERS_MAX } from '../../../shared/model-files.ts';
import { HubRefusal } from './refusal.ts';

export interface HubLink {
  /** `owner/name` */
  readonly repo: string;
  /** Branch, tag or commit; null for the main branch. */
  readonly revision: string | null;
  /** Path inside of the repository. */
  readonly file: string | null;
  /** Part of a file's name, such as `Q4_K_M`. */
  readonly quantisation: string | null;
}

const HOSTS: ReadonlySet<string> = new Set(['huggingface.co', 'www.huggingface.co', 'hf.co']);
/** Of owners and repositories, as the hub allows them. */
const NAME = /^(?!.*(?:--|\.\.))[A-Za-z0-9_][A-Za-z0-9._-]{0,95}$/;
const REVISION = /^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/;
const QUANTISATION = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$/;
const PATH_CHARACTERS_MAX = 500;
/** Kinds of pages below a repository that name a revision and a path. */
const FILE_PAGES: ReadonlySet<string> = new Set(['blob', 'resolve', 'raw', 'tree']);
/** Owners that no model has: pages of the hub itself. */
const NO_OWNERS: ReadonlySet<string> = new Set([
  'api',
  'datasets',
  'spaces',
  'docs',
  'collections',
  'papers',
]);

/** Fails with a {@link HubRefusal}. */
export function parseHubLink(text: string): HubLink {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.length > HUB_LINK_CHARACTERS_MAX) throw new HubRefusal('no-link');
  if (/^hf:/i.test(trimmed)) return parseShort(trimmed.replace(/^hf:(\/\/)?/i, ''));
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed)) return parseAddress(trimmed);
  const [first = ''] = trimmed.split('/');
  if (HOSTS.has(first.toLowerCase())) return parseAddress(`https://${trimmed}`);
  return parseShort(trimmed);
}

function parseAddress(text: string): HubLink {
  if (!URL.canParse(text)) throw new HubRefusal('no-link');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new HubRefusal('no-link');
  if (!HOSTS.has(url.hostname)) throw new HubRefusal('other-host', url.hostname);
  if (url.username !== '' || url.password !== '' || url.port !== '') throw new HubRefusal('no-link');
  const [owner = '', last = '', page, ...rest] = url.pathname.split('/').filter(Boolean).map(decode);
  // Ollama writes `hf.co/owner/name:Q4_K_M`.
  const [name = '', quantisation = null] = last.split(':', 2);
  if (page === undefined || !FILE_PAGES.has(page)) return link({ owner, name, quantisation });
  const revisionParts = rest[0] === 'refs' ? 3 : 1;
  const revision = rest.slice(0, revisionParts).join('/');
  const path = rest.slice(revisionParts);
  return link({ owner, name, revision, path: page === 'tree' ? [] : path, isFile: page !== 'tree' });
}

/** `owner/name`, then `/path`, `:quantisation`, and `#revision` or `@revision`. */
function parseShort(text: string): HubLink {
  const [whole = '', ...revisions] = text.split(/[#@]/);
  if (revisions.length > 1) throw new HubRefusal('no-link');
  const [before = '', ...quantisations] = whole.split(':');
  if (quantisations.length > 1) throw new HubRefusal('no-link');
  const [owner = '', name = '', ...path] = before.split('/');
  return link({
    ...{ owner, name, path },
    revision: revisions[0] ?? null,
    quantisation: quantisations[0] ?? null,
    isFile: path.length > 0,
  });
}

interface LinkParts {
  readonly owner: string;
  readonly name: string;
  readonly revision?: string | null;
  readonly path?: readonly string[];
  readonly isFile?: boolean;
  readonly quantisation?: string | null;
}

function link(parts: LinkParts): HubLink {
  const { owner, name, revision = null, path = [], isFile = false, quantisation = null } = parts;
  if (!NAME.test(owner) || !NAME.test(name) || NO_OWNERS.has(owner)) throw new HubRefusal('no-link');
  if (revision !== null && !REVISION.test(revision)) throw new HubRefusal('no-link');
  if (quantisation !== null && !QUANTISATION.test(quantisation)) throw new HubRefusal('no-link');
  const file = path.join('/');
  if (isFile && !isModelPath(file)) throw new HubRefusal('no-gguf-link');
  return { repo: `${owner}/${name}`, revision, file: isFile ? file : null, quantisation };
}

/** True for a relative path of a GGUF file that leads nowhere else. */
export function isModelPath(path: string): boolean {
  const parts = path.split('/');
  return (
    path.length <= PATH_CHARACTERS_MAX &&
    /[^/]\.gguf$/i.test(path) &&
    parts.every((part) => part !== '' && !/^\.\.?$/.test(part) && !/[\\\p{Cc}\p{Cf}\p{Cs}]/u.test(part))
  );
}

function decode(segment: string): string {
  try {
    const decoded = decodeURIComponent(segment);
    // The branch of a pull request is written `refs%2Fpr%2F1`.
    if (/[/\\]/.test(decoded) && !/^refs\/[a-z]+\/[\w.-]+$/.test(decoded)) throw new HubRefusal('no-link');
    return decoded;
  } catch (error) {
    if (error instanceof HubRefusal) throw error;
    throw new HubRefusal('no-link');
  }
}

/** Returns the path part of an address with each segment encoded. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
