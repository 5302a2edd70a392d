/** Public interface of the notices: messages on the pages until their cause is gone, and notifications of the desktop. */
export { createNotices, type NoticeEntry, type Notices } from './notices.ts';
export { startNotifications } from './notifications.ts';
