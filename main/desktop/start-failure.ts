/** Describes why the system started no process. */

/** The system's code and what it refers to, for example `ENOENT: /opt/idlewatt/node`. */
export function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path } = error as NodeJS.ErrnoException;
  return code === undefined ? error.message : `${code}${path === undefined ? '' : `: ${path}`}`;
}
