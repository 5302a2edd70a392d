/** The words before a command that the owner types in a terminal, as the program that serves the pages wrote them. */
import { COMMAND_META } from '../shared/program.ts';

export const COMMAND: string =
  document.querySelector<HTMLMetaElement>(`meta[name="${COMMAND_META}"]`)?.content ?? '';
