/** IP addresses of this machine and of private networks (RFC 1918, RFC 4193); no others, also none of link-local ones. */

/** Returns the four numbers of an IPv4 address; null for anything else. */
function ipv4(text: string): readonly [number, number, number, number] | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return null;
  const [a = 256, b = 256, c = 256, d = 256] = match.slice(1).map(Number);
  const isLeadingZero = match.slice(1).some((part) => part.length > 1 && part.startsWith('0'));
  return isLeadingZero || Math.max(a, b, c, d) > 255 ? null : [a, b, c, d];
}

/** Returns whether it is an address of this machine itself. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || ipv4(address)?.[0] === 127;
}

/** Returns whether it is an address of this machine or of a private network. */
export function isLocalAddress(address: string): boolean {
  if (isLoopbackAddress(address)) return true;
  const numbers = ipv4(address);
  // Unique local addresses of IPv6, without an embedded IPv4 address or a zone.
  if (numbers === null) return /^f[cd][0-9a-f]{2}(:[0-9a-f]{0,4}){2,7}$/i.test(address);
  const [a, b] = numbers;
  return a === 10 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168);
}
