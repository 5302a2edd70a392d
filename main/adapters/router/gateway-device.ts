/** The HTTP part of UPnP: the description of a router's services and calls to them. Every answer is limited in size. */
import { XMLParser } from 'fast-xml-parser';
import { readText } from '../../ports/read-text.ts';

/** A service of a router that maps ports. */
export interface Service {
  readonly type: string;
  readonly controlUrl: string;
}

/** `code`: UPnP's error; null if there is none, or no answer that makes sense. */
type CallResult = { readonly values: unknown } | { readonly code: number | null };

/** The best first; PPP connections are those of old modems. */
const SERVICE_TYPES = ['WANIPConnection:2', 'WANIPConnection:1', 'WANPPPConnection:1'].map(
  (name) => `urn:schemas-upnp-org:service:${name}`,
);
const ANSWER_CHARACTERS_MAX = 65_536;
/** A router describes a few dozen elements, five levels deep. */
const DEPTH_MAX = 12;
const ELEMENTS_MAX = 2_000;

const PARSER = new XMLParser({
  ignoreAttributes: true,
  removeNSPrefix: true,
  parseTagValue: false,
  processEntities: false,
  maxNestedTags: DEPTH_MAX,
});

/** Services of the router that map ports, the best first; empty if it describes none that makes sense. */
export async function describeServices(
  location: string,
  router: string,
  fetchRouter: typeof fetch,
  signal: AbortSignal,
): Promise<readonly Service[]> {
  const description = await request(location, {}, fetchRouter, signal);
  const found: Service[] = [];
  for (const element of elements(description?.body)) {
    const { serviceType, controlURL } = element;
    if (typeof serviceType !== 'string' || typeof controlURL !== 'string') continue;
    if (!SERVICE_TYPES.includes(serviceType) || !URL.canParse(controlURL, location)) continue;
    const { protocol, hostname, href } = new URL(controlURL, location);
    if (protocol === 'http:' && hostname === router) found.push({ type: serviceType, controlUrl: href });
  }
  return found.sort((left, right) => SERVICE_TYPES.indexOf(left.type) - SERVICE_TYPES.indexOf(right.type));
}

/** Calls an action. The values need no escaping: they are numbers, addresses and constants. */
export async function soapCall(
  { service, fetch }: { readonly service: Service; readonly fetch: typeof globalThis.fetch },
  action: string,
  values: readonly (readonly [string, string])[],
  signal: AbortSignal,
): Promise<CallResult> {
  const inner = values.map(([name, value]) => `<${name}>${value}</${name}>`).join('');
  const body =
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
    `<u:${action} xmlns:u="${service.type}">${inner}</u:${action}></s:Body></s:Envelope>`;
  const headers = { 'content-type': 'text/xml; charset="utf-8"', soapaction: `"${service.type}#${action}"` };
  const answer = await request(service.controlUrl, { method: 'POST', headers, body }, fetch, signal);
  if (answer === null) return { code: null };
  if (answer.isOk) return { values: answer.body };
  const code = Number(textOf(answer.body, 'errorCode') ?? Number.NaN);
  return { code: Number.isInteger(code) ? code : null };
}

/** The value of an element anywhere in an answer; null if it has none or isn't plausible as a host. */
export function readHost(answer: unknown, name: string): string | null {
  const value = textOf(answer, name);
  return value !== null && value.length <= 45 ? value : null;
}

/** Null for anything but a complete XML document in time. Rejects only if the signal aborts. */
async function request(
  url: string,
  init: RequestInit,
  fetchRouter: typeof fetch,
  signal: AbortSignal,
): Promise<{ readonly isOk: boolean; readonly body: unknown } | null> {
  try {
    const response = await fetchRouter(url, { ...init, redirect: 'error', signal });
    const { text, isComplete } = await readText(response, ANSWER_CHARACTERS_MAX);
    return isComplete ? { isOk: response.ok, body: PARSER.parse(text) } : null;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

function textOf(body: unknown, name: string): string | null {
  for (const element of elements(body)) {
    const value = element[name];
    if (typeof value === 'string') return value;
  }
  return null;
}

/** The elements of a parsed document that have children, up to a limit. */
function* elements(body: unknown): Generator<Readonly<Record<string, unknown>>> {
  const waiting: unknown[] = [body];
  for (let seen = 0; waiting.length > 0 && seen < ELEMENTS_MAX; seen += 1) {
    const next = waiting.shift();
    if (typeof next !== 'object' || next === null) continue;
    if (!Array.isArray(next)) yield next as Readonly<Record<string, unknown>>;
    waiting.push(...Object.values(next).slice(0, ELEMENTS_MAX));
  }
}
