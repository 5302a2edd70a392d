/** The systems for which the texts have words of their own. */
const SYSTEMS = ['linux', 'darwin', 'win32'] as const;

/** `platform` as the agent reports it; the words of Linux serve any other one. */
export function systemOf(platform: string): (typeof SYSTEMS)[number] {
  return SYSTEMS.find((name) => name === platform) ?? 'linux';
}
