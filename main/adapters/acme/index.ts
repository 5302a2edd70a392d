/** Public interface of the ACME adapter. */
export { type AuthorityOptions, createAuthority } from './authority.ts';
