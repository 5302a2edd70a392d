/**
 * Changes no row. From this version on, the body of a bought job may end with the API key that bought it, which programs
 * of earlier versions can't read: they refuse the database instead of calling the job damaged.
 */
import type { Migration } from '../migration.ts';

export const keysOfJobs: Migration = { version: 10, sql: '' };
