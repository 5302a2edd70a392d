/** Quits the app in the ordinary way and starts it again, with the same options. */
import { app } from 'electron';

export function relaunch(): void {
  const { APPIMAGE } = process.env;
  // The program of an AppImage is in a folder that is gone when the app has quit.
  app.relaunch(APPIMAGE ? { execPath: APPIMAGE, args: process.argv.slice(1) } : {});
  app.quit();
}
