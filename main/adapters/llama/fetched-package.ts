/** Lets node-llama-cpp find a package of builds in another folder than node_modules. */
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FetchedPackage } from './graphics-parameters.ts';

/** From now on, importing the package loads the folder's. */
export function useFetchedPackage({ name, folder }: FetchedPackage): void {
  // The packages of builds export this file alone.
  const url = pathToFileURL(join(folder, 'dist/index.js')).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === name ? { url, shortCircuit: true } : next(specifier, context),
  });
}
