/** Builds the packages of this system with electron-builder from exactly the files of `package-contents.ts`. */
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Arch, build, type Configuration, Platform } from 'electron-builder';
import packageJson from '../../package.json' with { type: 'json' };
import { OUTPUT } from './installed-package.ts';
import { newestGlibc, readNativeFiles, unloadable } from './native-needs.ts';
import { bundledNode, type PackageFile, type PackageSystem, packageFiles } from './package-contents.ts';
import { unexpectedFiles } from './package-rules.ts';
import { REPOSITORY } from './places.ts';
import { LICENSES_FILE, thirdPartyLicenses } from './third-party-licenses.ts';

export interface PackageRequest {
  readonly system: PackageSystem;
  /** Names of electron-builder's targets. */
  readonly targets: readonly string[];
  /** Builds a deb and an rpm without fpm. */
  readonly withoutFpm: boolean;
  /** Folder of the unpacked Electron distribution. */
  readonly electronFolder: string;
  readonly electronVersion: string;
  /** With a substitute for Electron: for tests only, and so named. */
  readonly forTests: boolean;
  /** Doesn't compress: a fifth of the time. */
  readonly quick: boolean;
  readonly homepage: string;
  /** E-mail address. */
  readonly contact: string;
  /** Address of the folder with the update feed; null: the packages look for no updates. */
  readonly updates: string | null;
  /** Addresses of the archives that the app can fetch, by their keys. */
  readonly archives: Readonly<Record<string, string>>;
}

const STAGE = join(REPOSITORY, 'dist/package-app');
const TOOLS = join(REPOSITORY, 'dist/package-tools');
const DESKTOP_FILE = 'idlewatt.desktop';
/** Libraries of Electron and of the Vulkan engine, as Debian names them; newer releases renamed some. */
const DEB_DEPENDS = [
  'libgtk-3-0 | libgtk-3-0t64',
  'libnotify4',
  'libnss3',
  'libxss1',
  'libxtst6',
  'xdg-utils',
  'libatspi2.0-0 | libatspi2.0-0t64',
  'libasound2 | libasound2t64',
  'libgbm1',
  'libuuid1',
  'libsecret-1-0',
  'libvulkan1',
  'libstdc++6',
];

/** The same libraries as Fedora and openSUSE name them. */
const RPM_DEPENDS = [
  'gtk3',
  'libnotify',
  '(nss or mozilla-nss)',
  '(libXScrnSaver or libXss1)',
  '(libXtst or libXtst6)',
  'xdg-utils',
  'at-spi2-core',
  '(alsa-lib or libasound2)',
  '(mesa-libgbm or libgbm1)',
  '(libuuid or libuuid1)',
  '(libsecret or libsecret-1-0)',
  '(vulkan-loader or libvulkan1)',
  '(libstdc++ or libstdc++6)',
];

/** Returns the paths of the packages. Rejects with one sentence if a file must not be in a package or can't load. */
export async function buildPackages(request: PackageRequest): Promise<string[]> {
  const files = await packageFiles(request.system);
  if (request.forTests) files.push(...bundledNode());
  const unexpected = unexpectedFiles(files, request.system);
  if (unexpected.length > 0) throw new Error(`Nothing was packaged: ${unexpected.join(' ')}`);
  const glibc = request.system.platform === 'linux' ? await checkedGlibc(files) : null;
  stage(files, request);
  rmSync(OUTPUT, { recursive: true, force: true });
  if (request.withoutFpm) process.env.CUSTOM_FPM_PATH = packageWriter(request);
  const { platform, arch } = request.system;
  const platforms = { linux: Platform.LINUX, darwin: Platform.MAC, win32: Platform.WINDOWS };
  const built = await build({
    projectDir: REPOSITORY,
    targets: platforms[platform].createTarget([...request.targets], arch === 'x64' ? Arch.x64 : Arch.arm64),
    config: configuration(request, glibc),
    publish: 'never',
  });
  return built.filter((path) => /\.(?:AppImage|deb|rpm|exe|dmg|zip)$/.test(path));
}

/** The newest glibc that a native file needs. Rejects if one of them can't load. */
async function checkedGlibc(files: readonly PackageFile[]): Promise<string | null> {
  const native = await readNativeFiles(files.map(({ from }) => from));
  const problems = unloadable(native);
  if (problems.length > 0) throw new Error(`Nothing was packaged: ${problems.join(' ')}`);
  return newestGlibc(native);
}

/** Differences from electron-builder.yml for this request. */
function configuration(request: PackageRequest, glibc: string | null): Configuration {
  const { forTests } = request;
  const suffix = forTests ? '-for-tests' : '';
  return {
    directories: { app: STAGE },
    electronDist: request.electronFolder,
    electronVersion: request.electronVersion,
    artifactName: `\${name}-\${version}-\${os}-\${arch}${suffix}.\${ext}`,
    // The prepared folder has all packages that are needed and no others.
    beforeBuild: async () => false,
    // The substitute's own default app.
    afterExtract: async ({ appOutDir }) =>
      rmSync(join(appOutDir, 'resources/app'), { recursive: true, force: true }),
    // Only an app that tests drive accepts a debugger.
    ...(forTests && {
      electronFuses: { runAsNode: true, onlyLoadAppFromAsar: true, enableNodeCliInspectArguments: true },
    }),
    linux: { maintainer: `${packageJson.author} <${request.contact}>` },
    deb: {
      packageName: `idlewatt${suffix}`,
      compression: 'xz',
      depends: [...DEB_DEPENDS, ...(glibc === null ? [] : [`libc6 (>= ${glibc})`])],
    },
    rpm: {
      packageName: `idlewatt${suffix}`,
      depends: [...RPM_DEPENDS, ...(glibc === null ? [] : [`glibc >= ${glibc}`])],
    },
  };
}

/** Copies the files to a folder of their own, with the app's package.json and the licenses. */
function stage(files: readonly PackageFile[], request: PackageRequest): void {
  rmSync(STAGE, { recursive: true, force: true });
  for (const { from, to } of files) {
    const target = join(STAGE, to.replace(/^node_modules\//, 'packages/'));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(from, target);
  }
  // Where the agent reads it.
  const agent = { ...packageJson, updates: request.updates, archives: request.archives };
  writeFileSync(join(STAGE, 'dist/agent/package.json'), `${JSON.stringify(agent, null, 2)}\n`);
  writeFileSync(join(STAGE, LICENSES_FILE), thirdPartyLicenses(files));
  const { name, version, description, license, author, type, main } = packageJson;
  const manifest = {
    ...{ name, productName: 'Idlewatt', version, description, license, type, main },
    author: { name: author, email: request.contact },
    homepage: request.homepage,
    desktopName: DESKTOP_FILE,
  };
  writeFileSync(join(STAGE, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** A program that electron-builder starts instead of fpm. */
function packageWriter({ quick }: PackageRequest): string {
  const path = join(TOOLS, 'write-package');
  mkdirSync(TOOLS, { recursive: true });
  const program = `'${process.execPath}' '${join(import.meta.dirname, 'write-package.ts')}'`;
  // electron-builder rejects this method, which is not one of fpm's.
  writeFileSync(
    path,
    `#!/bin/sh\nexec ${program} "$@"${quick ? ' --deb-compression none --rpm-compression none' : ''}\n`,
  );
  chmodSync(path, 0o755);
  return path;
}
