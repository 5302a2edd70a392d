/** Reports an unexpected failure to pages and clients: by an ID that is also in the log, without its message. */

/** Returns the sentence for the incident ID that `Log.error` returned, which is "none" without a log. */
export function internalErrorMessage(incident: string): string {
  if (incident === 'none') return 'Internal error. Logging is off.';
  return `Internal error (incident ${incident}). Idlewatt’s log has the details.`;
}
