/** The words with which the owner types commands: an installed app has a command of its own, a checkout has npm's. */

export interface ProgramWords {
  /** Before the name of a command. */
  readonly command: string;
  /** Before the options of a start. */
  readonly start: string;
}

const INSTALLED: ProgramWords = { command: 'idlewatt', start: 'idlewatt' };
const CHECKOUT: ProgramWords = { command: 'npm run agent --', start: 'npm start --' };

/** `file` is the path or address of any file of the program. */
export function programWords(file: string): ProgramWords {
  return /[\\/]app\.asar(?:\.unpacked)?[\\/]/.test(file) ? INSTALLED : CHECKOUT;
}

/** Name of the element of index.html that has the words before a command. As built, they are those of a checkout. */
export const COMMAND_META = 'idlewatt-command';
const META = /(<meta name="idlewatt-command" content=")[^"]*(")/;

/** Returns the page with the words of the program that serves it. */
export function withProgramWords(html: string, { command }: ProgramWords): string {
  return html.replace(META, `$1${command}$2`);
}
