/** The words with which the owner types commands of the running program. */
import { programWords } from '../../shared/program.ts';

export const PROGRAM = programWords(import.meta.url);
