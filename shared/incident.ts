/** How an unexpected failure is reported to pages and clients: by an ID that is in the log, without its message. */

/** The sentence for an incident that `Log.error` returned; where no log is kept there is no ID to name. */
export function internalErrorMessage(incident: string): string {
  if (incident === 'none') return 'Internal error. No log is kept.';
  return `Internal error (incident ${incident}). The log has the details: \`npm run agent -- logs\`.`;
}
