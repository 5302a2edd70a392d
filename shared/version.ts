/** The version and license of this program, from package.json. */
import description from '../package.json' with { type: 'json' };

export const VERSION: string = description.version;
/** SPDX identifier. */
export const LICENSE: string = description.license;
