/** Describes failures of requests to outside addresses for people: each kind that the owner can act on in its own words. */

/** Ordinary failures, by the codes of Node and undici. */
const FAILURES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'host name not found; check the network connection',
  EAI_AGAIN: 'host name lookup failed; check the network connection',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was lost',
  ENETUNREACH: 'the network is unreachable',
  EHOSTUNREACH: 'the host is unreachable',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
  UND_ERR_SOCKET: 'the connection was lost',
};

/** Obstacles between this machine and the server, by the codes of Node and OpenSSL. */
const INTERFERENCES: Readonly<Record<string, string>> = {
  CERT_NOT_YET_VALID: 'its certificate isn’t valid yet; check date and time of this machine',
  CERT_HAS_EXPIRED: 'its certificate has expired; check date and time of this machine',
  ERR_TLS_CERT_ALTNAME_INVALID: 'another server responded in its place; this network may require a sign-in',
  SELF_SIGNED_CERT_IN_CHAIN:
    'its certificate is from an unknown authority; a proxy of this network may replace it',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'another server responded in its place; this network may require a sign-in',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate is from an unknown authority; a proxy of this network may replace it',
  ERR_PROXY_TUNNEL: 'the proxy refused the connection; check HTTPS_PROXY',
};

/** The words for an answer that isn't from the server that was asked, such as the sign-in page of a hotel. */
export const SIGN_IN_PAGE =
  'this network answered with a web page of its own; open a browser and sign in to the network';

/** Returns the description of a refusal by its HTTP status; null for a status without words of its own. */
export function describeStatus(status: number): string | null {
  if (status === 429) return 'it refuses more requests for now (status 429); Idlewatt tries again later';
  if (status === 407)
    return 'the proxy requires a sign-in (status 407); add user and password to HTTPS_PROXY';
  return status === 511 || (status >= 300 && status < 400) ? SIGN_IN_PAGE : null;
}

/** Returns the description of a failed connection by the code of the error or of its causes; null if there is none. */
export function describeConnectionFailure(error: unknown): string | null {
  return describeInterference(error) ?? byCode(error, FAILURES);
}

/** The same, only where a proxy, a sign-in page or a wrong clock is in the way. */
export function describeInterference(error: unknown): string | null {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (/proxy/i.test(each.message) && /407|authentication required/i.test(each.message))
      return describeStatus(407);
  }
  return byCode(error, INTERFERENCES);
}

function byCode(error: unknown, texts: Readonly<Record<string, string>>): string | null {
  for (let each = error; each instanceof Error; each = each.cause) {
    const code = 'code' in each && typeof each.code === 'string' ? each.code : '';
    const text = texts[code];
    if (text !== undefined) return text;
  }
  return null;
}
