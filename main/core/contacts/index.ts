/** Public interface of the contacts module. */
export { type Contacts, createContacts } from './contacts.ts';
