/** The content security policy of every page, as a response header; each page's own meta element is as strict or stricter. */

/** Returns the policy of a page that may connect to these sources only. */
export function pagePolicy(connectSources: readonly string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src ${connectSources.length === 0 ? "'none'" : connectSources.join(' ')}`,
    // A peer connection would reach any address, even those that connect-src excludes. CSP3 defines the directive, but Chromium 156
    // doesn't know it yet: it warns and permits peer connections.
    "webrtc 'block'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
