/** Finds the Electron that people run: the official distribution, downloaded once by its own installer. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './places.ts';

export type OfficialElectron =
  | { readonly executable: string; readonly version: string }
  | { readonly executable: null; readonly reason: string };

/** Enough to learn whether the release page answers; the download itself has a limit of its own. */
const REACH_MS_MAX = 5_000;
const RELEASES = 'https://github.com/electron/electron/releases/download/';

const PACKAGE = join(REPOSITORY, 'node_modules/electron');

/** The executable if it is installed already; null otherwise. */
export function installedElectron(): { executable: string; version: string } | null {
  try {
    const executable = join(PACKAGE, 'dist', readFileSync(join(PACKAGE, 'path.txt'), 'utf8').trim());
    return existsSync(executable) ? { executable, version: packageVersion() } : null;
  } catch {
    return null; // no path.txt: its installer has not run yet
  }
}

/** Installs it when it can be had within the limit. Never throws: says why not. */
export async function officialElectron(options: {
  downloadMsMax: number;
  say?: (line: string) => void;
}): Promise<OfficialElectron> {
  const installed = installedElectron();
  if (installed) return installed;
  if (!existsSync(join(PACKAGE, 'install.js'))) {
    return { executable: null, reason: 'the electron package is not installed' };
  }
  if (!(await releasesAnswer())) {
    return { executable: null, reason: "Electron's release page cannot be reached from here" };
  }
  options.say?.('Downloading Electron from its release page; this happens once.');
  const code = await install(options.downloadMsMax);
  const now = installedElectron();
  if (now) return now;
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

async function releasesAnswer(): Promise<boolean> {
  const mirror = process.env.ELECTRON_MIRROR ?? process.env.npm_config_electron_mirror ?? RELEASES;
  const version = packageVersion();
  try {
    const answer = await fetch(`${mirror}v${version}/SHASUMS256.txt`, {
      method: 'HEAD',
      signal: AbortSignal.timeout(REACH_MS_MAX),
    });
    return answer.ok;
  } catch {
    return false; // offline or kept off by a firewall: both mean that it cannot be had now
  }
}

/** The installer's exit code; null when it ran out of time. */
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
