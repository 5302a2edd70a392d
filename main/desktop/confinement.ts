/** Confines everything that shows web content: no other origin, no new windows, no permissions, no webviews. */
import { app, type Session } from 'electron';
import { APP_ORIGIN } from './app-protocol.ts';

/** Copying text to the clipboard after a click; pages get no other permission. */
const PERMITTED = 'clipboard-sanitized-write';

/** Applies to every web contents created from now on. Call before the first window. */
export function confineWebContents(): void {
  app.on('web-contents-created', (_event, contents) => {
    contents.on('will-navigate', (event) => event.preventDefault());
    contents.on('will-frame-navigate', (event) => event.preventDefault());
    contents.on('will-redirect', (event) => event.preventDefault());
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  });
}

/** Blocks requests for anything but our own pages, and grants nothing but copying (or nothing at all). */
export function confineSession(session: Session, granted: 'copying' | 'nothing' = 'copying'): void {
  const isGranted = (permission: string, url: string) =>
    granted === 'copying' && permission === PERMITTED && isOurs(url);
  session.setPermissionRequestHandler((_contents, permission, grant, details) => {
    grant(isGranted(permission, details.requestingUrl));
  });
  session.setPermissionCheckHandler((_contents, permission, requestingOrigin) => {
    return isGranted(permission, requestingOrigin);
  });
  session.setDevicePermissionHandler(() => false);
  session.webRequest.onBeforeRequest((details, decide) => {
    decide({ cancel: !isOurs(details.url) && !details.url.startsWith('devtools://') });
  });
}

/** Returns true for the addresses of our own pages. */
export function isOurs(url: string): boolean {
  return url === APP_ORIGIN || url.startsWith(`${APP_ORIGIN}/`);
}
