/** Finds which packages can be built on this system, and names what the others need. */
import { spawnSync } from 'node:child_process';
import type { PackageSystem } from './package-contents.ts';

export interface Targets {
  /** Names of electron-builder's targets. */
  readonly targets: readonly string[];
  /** One line per package that can't be built here. */
  readonly missing: readonly string[];
  /** electron-builder can't download fpm, so `write-package.ts` replaces it. */
  readonly withoutFpm: boolean;
}

/** electron-builder downloads fpm and AppImage's parts from here. */
const TOOLS = 'https://github.com/electron-userland/electron-builder-binaries/releases';
const REACH_MS_MAX = 5_000;

/** Fails with one sentence on a system without packages. */
export function supportedSystem(): PackageSystem {
  const { platform, arch } = process;
  const isPlatform = platform === 'linux' || platform === 'darwin' || platform === 'win32';
  if (!isPlatform || (arch !== 'x64' && arch !== 'arm64')) {
    throw new Error(`Nothing was packaged: there are no packages for ${platform} on ${arch}.`);
  }
  return { platform, arch };
}

/** Packages for tests are only built where the tests install them; `quick` is the one that they install. */
export async function availableTargets(forTests: boolean, quick: boolean): Promise<Targets> {
  if (process.platform === 'win32') return { targets: ['nsis'], missing: [], withoutFpm: false };
  if (process.platform === 'darwin') return { targets: ['dmg', 'zip'], missing: [], withoutFpm: false };
  const withoutFpm = forTests || !(await isReachable(TOOLS));
  const deb = ['deb', hasProgram('dpkg-deb') ? null : 'dpkg-deb (Debian: dpkg)'] as const;
  const rpm = ['rpm', hasProgram('rpmbuild') ? null : 'rpmbuild (Debian: rpm)'] as const;
  const appImage = ['AppImage', withoutFpm ? `electron-builder's tools from ${TOOLS}` : null] as const;
  const needs = quick ? [deb] : forTests ? [deb, rpm] : [deb, rpm, appImage];
  return {
    targets: needs.flatMap(([name, need]) => (need === null ? [name] : [])),
    missing: needs.flatMap(([name, need]) => (need === null ? [] : [`No ${name}: it needs ${need}.`])),
    withoutFpm,
  };
}

function hasProgram(name: string): boolean {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0;
}

async function isReachable(address: string): Promise<boolean> {
  try {
    return (await fetch(address, { method: 'HEAD', signal: AbortSignal.timeout(REACH_MS_MAX) })).ok;
  } catch {
    return false;
  }
}
