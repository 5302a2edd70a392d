/** Origins of web pages, as the owner types or copies them. */

/** Returns the origin of a typed or copied address; the text itself if it isn't one. */
export function originOf(text: string): string {
  const address = text.trim();
  if (!URL.canParse(address)) return address;
  const { origin, protocol, host } = new URL(address);
  // Pages of browser extensions and apps have an origin that this class doesn't name.
  return origin === 'null' && host !== '' ? `${protocol}//${host}` : origin;
}
