/**
 * Keeps every file that this process and its children create private to the owner, also those that a library creates, in
 * the moment before anything could change their mode. Imported before everything else, because the import alone does it.
 */

/** Rights that other users of the machine never get. Without an effect on Windows. */
process.umask(0o077);
