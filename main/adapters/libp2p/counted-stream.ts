/** Counts the bytes of a stream in both directions, before they are passed on. */
import type { Stream, StreamMessageEvent } from '@libp2p/interface';

/**
 * Calls `take` with the length of each piece that arrives or is sent. Where it returns false, the piece isn't passed on. A
 * listener of its own would take the first message before the protocol reads it.
 */
export function countStream(
  stream: Stream,
  take: (length: number, direction: 'in' | 'out') => boolean,
): void {
  const dispatch = stream.dispatchEvent.bind(stream);
  stream.dispatchEvent = (event) =>
    isMessage(event) && !take(event.data.byteLength, 'in') ? true : dispatch(event);
  const send = stream.send.bind(stream);
  stream.send = (data) => (take(data.byteLength, 'out') ? send(data) : true);
}

function isMessage(event: Event): event is StreamMessageEvent {
  return event.type === 'message';
}
