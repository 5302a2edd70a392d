/** Command-line parameters of the engine process: the GPUs that it uses, and libraries for them from other folders. */

export const NO_GRAPHICS = '--no-graphics';
export const ONLY_CUDA = '--only-cuda';
/** A package of the engine that isn't in node_modules, as `NAME=FOLDER`. */
const FETCHED_PACKAGE = '--fetched-package=';

export interface FetchedPackage {
  readonly name: string;
  readonly folder: string;
}

export function fetchedPackageParameter({ name, folder }: FetchedPackage): string {
  return `${FETCHED_PACKAGE}${name}=${folder}`;
}

export function readFetchedPackage(parameters: readonly string[]): FetchedPackage | null {
  const value = parameters.find((each) => each.startsWith(FETCHED_PACKAGE))?.slice(FETCHED_PACKAGE.length);
  const end = value?.indexOf('=') ?? -1;
  return value === undefined || end < 1 ? null : { name: value.slice(0, end), folder: value.slice(end + 1) };
}
