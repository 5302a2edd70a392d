/** Finds the Electron that users run: the official distribution, downloaded once by its own installer. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './places.ts';

export type OfficialElectron =
  | { readonly executable: string; readonly version: string }
  | { readonly executable: null; readonly reason: string };

/** Limit for checking that the release page is reachable; the download has its own limit. */
const REACH_MS_MAX = 5_000;
const RELEASES = 'https://github.com/electron/electron/releases/download/';

const PACKAGE = join(REPOSITORY, 'node_modules/electron');

/** Returns the executable if it is already installed, otherwise null. */
export function installedElectron(): { executable: string; version: string } | null {
  try {
    const executable = join(PACKAGE, 'dist', readFileSync(join(PACKAGE, 'path.txt'), 'utf8').trim());
    return existsSync(executable) ? { executable, version: packageVersion() } : null;
  } catch {
    return null; // no path.txt: the installer has not run yet
  }
}

/** Installs Electron if it can be downloaded within the limit. Never throws; returns the reason if it can't. */
export async function officialElectron(options: {
  downloadMsMax: number;
  print?: (line: string) => void;
}): Promise<OfficialElectron> {
  const installed = installedElectron();
  if (installed) return installed;
  if (!existsSync(join(PACKAGE, 'install.js'))) {
    return { executable: null, reason: 'the electron package is not installed' };
  }
  if (!(await releasesReachable())) {
    return { executable: null, reason: "Electron's release page is unreachable" };
  }
  options.print?.('Downloading Electron from its release page. This happens once.');
  const code = await install(options.downloadMsMax);
  const downloaded = installedElectron();
  if (downloaded) return downloaded;
  return {
    executable: null,
    reason:
      code === null
        ? `Electron's download took longer than ${Math.round(options.downloadMsMax / 1000)} s`
        : "Electron's download failed",
  };
}

function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
  return parsed !== null && typeof parsed === 'object' && 'version' in parsed ? String(parsed.version) : '';
}

async function releasesReachable(): Promise<boolean> {
  const mirror = process.env.ELECTRON_MIRROR ?? process.env.npm_config_electron_mirror ?? RELEASES;
  const version = packageVersion();
  try {
    const response = await fetch(`${mirror}v${version}/SHASUMS256.txt`, {
      method: 'HEAD',
      signal: AbortSignal.timeout(REACH_MS_MAX),
    });
    return response.ok;
  } catch {
    return false; // offline or blocked by a firewall: either way it can't be downloaded now
  }
}

/** Returns the installer's exit code; null if it exceeded the time limit. */
function install(msMax: number): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(PACKAGE, 'install.js')], {
      stdio: 'ignore',
      timeout: msMax,
      killSignal: 'SIGKILL',
    });
    child.once('error', () => resolve(1));
    child.once('exit', (code) => resolve(code));
  });
}
