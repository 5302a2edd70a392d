/**
 * Installs the system packages that tests and screenshots need if that is possible without asking (root on Debian
 * or Ubuntu); otherwise prints one line with their names and the command to type.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** `tests` needs everything; `model-download` only what downloads a model from a package registry. */
export type Purpose = 'tests' | 'model-download';

interface Need {
  /** Names in order of preference: newer Ubuntu releases renamed some libraries. */
  readonly packages: readonly [string, ...string[]];
  /** Replaces the query of the package database for a program that may also come from elsewhere. */
  readonly present?: () => boolean;
  /** Also needed to download a model. */
  readonly forModels?: boolean;
  /** Only makes tests faster: installed if that is possible without asking, and missed by nobody. */
  readonly optional?: boolean;
}

const NEEDS: readonly Need[] = [
  { packages: ['xvfb'], present: () => onPath('Xvfb') },
  { packages: ['xauth'], present: () => onPath('xauth') },
  { packages: ['dbus'], present: () => onPath('dbus-daemon') },
  { packages: ['dbus-x11'], present: () => onPath('dbus-launch') },
  { packages: ['unzip'], present: () => onPath('unzip') },
  { packages: ['curl'], present: () => onPath('curl') },
  { packages: ['procps'], present: () => onPath('ps') },
  { packages: ['iproute2'], present: () => onPath('ip') },
  // A package of npm has a program of the same name, which precedes it in the path of an npm script.
  { packages: ['nftables'] },
  // The router of a home in the tests. Its service does nothing until somebody sets it up.
  { packages: ['miniupnpd-nftables'], present: () => existsSync('/usr/sbin/miniupnpd') },
  { packages: ['chromium', 'chromium-browser'], present: hasChromium },
  // Uses half of the processor time of the whole browser. Only Debian has it.
  {
    packages: ['chromium-headless-shell'],
    present: () => onPath('chromium-headless-shell') || process.env.IDLEWATT_CHROMIUM !== undefined,
    optional: true,
  },
  { packages: ['rpm'], present: () => onPath('rpmbuild') },
  { packages: ['gcc'], present: () => onPath('cc') },
  { packages: ['libc6-dev'] },
  { packages: ['python3'], present: () => onPath('python3'), forModels: true },
  {
    packages: ['python3-pip'],
    present: () => succeeds('python3', ['-m', 'pip', '--version']),
    forModels: true,
  },
  { packages: ['ca-certificates'] },
  { packages: ['libgtk-3-0', 'libgtk-3-0t64'] },
  { packages: ['libnss3'] },
  { packages: ['libasound2', 'libasound2t64'] },
  { packages: ['libgbm1'] },
  { packages: ['libatk-bridge2.0-0', 'libatk-bridge2.0-0t64'] },
  { packages: ['libxss1'] },
  { packages: ['libxtst6'] },
  { packages: ['libdrm2'] },
  { packages: ['libnotify4'] },
  { packages: ['libsecret-1-0'] },
  // Without any font Chromium draws empty boxes.
  { packages: ['fonts-dejavu-core'] },
];

/**
 * Ensures that all packages are installed; returns immediately if they are. Returns null, or one line with the
 * missing packages and the command to type; that line is also printed.
 */
export function installSystemPackages(
  purposes: readonly Purpose[],
  print: (line: string) => void = console.error,
): string | null {
  const needs = purposes.includes('tests') ? NEEDS : NEEDS.filter((need) => need.forModels);
  const problem = process.platform === 'linux' ? install(needs, print) : null;
  if (problem !== null) print(problem);
  return problem;
}

function install(needs: readonly Need[], print: (line: string) => void): string | null {
  if (!onPath('dpkg-query') || !onPath('apt-get')) {
    const absent = needs.filter((need) => need.present && !need.present() && !need.optional);
    if (absent.length === 0) return null;
    return `Missing system packages. Install them with your package manager: ${absent.map((need) => need.packages[0]).join(', ')}`;
  }
  const isRoot = process.getuid?.() === 0;
  const absent = missing(needs).filter(
    ({ optional, packages }) => !optional || (isRoot && packages.some(isKnownToApt)),
  );
  if (absent.length === 0) return null;
  if (!isRoot) {
    const names = absent.map((need) => need.packages[0]).join(' ');
    return `Missing system packages. Install them with: sudo apt-get install --no-install-recommends ${names}`;
  }
  const options = {
    stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8' as const,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 1 << 26,
  };
  print(`Installing system packages: ${absent.map((need) => need.packages[0]).join(' ')}`);
  // Optional packages are known already, and without a network the update would wait for it with every run.
  if (!absent.every(({ optional }) => optional)) {
    const update = spawnSync('apt-get', ['update', '-qq'], options);
    if (update.status !== 0)
      print(`apt-get update exited with code ${update.status}: ${lastLine(update.stderr)}`);
  }
  const names = absent.map((need) => need.packages.find(isKnownToApt) ?? need.packages[0]);
  const installed = spawnSync(
    'apt-get',
    ['install', '-y', '-qq', '--no-install-recommends', ...names],
    options,
  );
  const still = missing(needs).filter(({ optional }) => !optional);
  if (still.length === 0) return null;
  return `Could not install these system packages: ${still.map((need) => need.packages[0]).join(' ')} (apt-get: ${lastLine(installed.stderr)})`;
}

function missing(needs: readonly Need[]): Need[] {
  const installed = installedPackages(needs.flatMap((need) => need.packages));
  return needs.filter((need) => !(need.present?.() ?? need.packages.some((name) => installed.has(name))));
}

/** Queries all names in one call: dpkg-query reports unknown ones on standard error and prints the rest. */
function installedPackages(names: readonly string[]): Set<string> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own format, not a template
  const query = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\\n', ...names], {
    encoding: 'utf8',
  });
  const lines = query.stdout.split('\n').map((line) => line.split(' '));
  return new Set(lines.flatMap(([name, status]) => (name && status === 'installed' ? [name] : [])));
}

function isKnownToApt(name: string): boolean {
  const policy = spawnSync('apt-cache', ['policy', name], { encoding: 'utf8' }).stdout;
  return /Candidate: (?!\(none\))/.test(policy);
}

function onPath(program: string): boolean {
  return (process.env.PATH ?? '')
    .split(':')
    .some((folder) => folder !== '' && existsSync(`${folder}/${program}`));
}

/** The tests of the pages use the browser at IDLEWATT_CHROMIUM, if that is set. */
function hasChromium(): boolean {
  return onPath('chromium') || existsSync(process.env.IDLEWATT_CHROMIUM ?? '');
}

function succeeds(program: string, parameters: readonly string[]): boolean {
  return spawnSync(program, parameters, { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

if (import.meta.main) {
  if (installSystemPackages(['tests']) !== null) process.exitCode = 1;
}
