/** Reads what the page "About" shows: facts about this copy of Idlewatt, and the licenses of what it contains. */
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type About, LICENSES_BYTES_MAX } from '../../shared/api/about.ts';
import { AppError } from '../../shared/errors.ts';
import { LICENSE } from '../../shared/version.ts';

/** `npm run package` writes it into the app; the bundled agent is three folders further down than the source. */
const PLACES = ['../../', '../../../../'].map((root) =>
  fileURLToPath(new URL(`${root}resources/THIRD-PARTY-LICENSES.txt`, import.meta.url)),
);

export interface AboutReader {
  read(): About;
  /** Fails with `not-found` where there is no such file, or where it is longer than expected. */
  licenses(): Promise<string>;
}

/** `home` is the data folder; `places` are where the file with the licenses may be. */
export function createAbout({
  home,
  places = PLACES,
}: {
  readonly home: string;
  readonly places?: readonly string[];
}): AboutReader {
  const find = () => places.find((place) => existsSync(place)) ?? null;
  return {
    read: () => ({ license: LICENSE, home, licensesFile: find() }),
    async licenses() {
      const file = find();
      if (file === null) throw new AppError('not-found', 'This copy of Idlewatt has no file with licenses.');
      if ((await stat(file)).size > LICENSES_BYTES_MAX) {
        throw new AppError('not-found', `The file with the licenses is too long to show: ${file}`);
      }
      return readFile(file, 'utf8');
    },
  };
}
