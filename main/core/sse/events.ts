/** Server-sent events (WHATWG HTML, section 9.2) as text, and a reader that returns them in batches. */
import { AppError } from '../../../shared/errors.ts';

/** One event; `event` is null for the default type. */
export interface ServerEvent {
  readonly event: string | null;
  readonly data: string;
}

/** Formats a named event; its data must be one line. */
export function namedEvent(name: string, data: string): string {
  return `event: ${name}\ndata: ${data}\n\n`;
}

/** Limit of one event. Ours are always shorter. */
export const EVENT_CHARACTERS_MAX = 256 * 1024;

/**
 * Reads events; each batch has all events that one network read completed. Fails with `bad-request` on longer events.
 */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent[], void> {
  const decoder = new TextDecoder();
  let rest = '';
  let event: string | null = null;
  let data: string[] = [];
  for await (const bytes of body) {
    rest += decoder.decode(bytes, { stream: true });
    const batch: ServerEvent[] = [];
    let from = 0;
    for (let at = rest.indexOf('\n', from); at !== -1; at = rest.indexOf('\n', from)) {
      const line = rest.slice(from, rest[at - 1] === '\r' && at > from ? at - 1 : at);
      from = at + 1;
      if (line === '') {
        if (data.length > 0) batch.push({ event, data: data.join('\n') });
        event = null;
        data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
      if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
    }
    rest = rest.slice(from);
    if (rest.length + data.reduce((sum, part) => sum + part.length, 0) > EVENT_CHARACTERS_MAX) {
      throw new AppError('bad-request', `An event of the stream exceeds ${EVENT_CHARACTERS_MAX} characters.`);
    }
    if (batch.length > 0) yield batch;
  }
}
