/** The `Log` port. Its types are in shared/, because the desktop shell logs through it too. */
export * from '../../shared/log.ts';
