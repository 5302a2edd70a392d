/** Public interface of the calendar: local days and hours of one time zone. */
export { type Calendar, createCalendar } from './calendar.ts';
