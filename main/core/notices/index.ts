/** Public interface of the notices: short messages that the owner should see, until their cause is gone. */
export { createNotices, type NoticeEntry, type Notices } from './notices.ts';
