/** Finds out why the system can't start Idlewatt at login. Pure, so that tests can check every system. */
import type { AutostartObstacle } from '../../shared/shell-facts.ts';

export interface AutostartSystem {
  readonly platform: NodeJS.Platform;
  readonly isPackaged: boolean;
  /** Path of the program that would be started. */
  readonly program: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Null where nothing is known to stand in the way. */
export function autostartObstacle(system: AutostartSystem): AutostartObstacle | null {
  const { platform, isPackaged, program, environment } = system;
  if (!isPackaged) return 'checkout';
  // macOS runs an app that was opened from its download folder from a random read-only place.
  if (platform === 'darwin') return program.includes('/AppTranslocation/') ? 'translocated' : null;
  if (platform !== 'linux') return null;
  if (environment.SNAP || environment.FLATPAK_ID) return 'sandboxed-package';
  // Desktops that follow the XDG specification name themselves.
  return environment.XDG_CURRENT_DESKTOP ? null : 'no-desktop';
}
