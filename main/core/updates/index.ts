/** Public interface of the updates: the signed feed, the download of what it pins, and the installation on request. */
export { readFeed } from './feed.ts';
export { feedFolder } from './feed-source.ts';
export { downloadPinned, freeBytesOf, type PinnedDownload, ROOM_BYTES } from './pinned-download.ts';
export { createUpdates, type Updates, type UpdatesOptions } from './updates.ts';
