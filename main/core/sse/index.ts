/** Public interface of the server-sent events module. */
export { COMMENT, EVENT_STREAM_HEADERS, type EventStreamOptions, eventStream } from './event-stream.ts';
export { namedEvent, readEvents, type ServerEvent } from './events.ts';
