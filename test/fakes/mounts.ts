/** Arguments that run a command in a mount namespace of its own, where a folder is another file system. */

/** Without privilege, a user namespace gives it for these mounts alone. */
const NAMESPACE = ['unshare', '--mount', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])];

/**
 * Puts a new file system of this size at the folder, with what the folder contains; it is gone when the command ends.
 */
export function onSmallDisk(folder: string, size: string): readonly string[] {
  return [
    ...NAMESPACE,
    'sh',
    '-c',
    `exec 3<"$0" && mount -t tmpfs -o size=${size},mode=700 tmpfs "$0" && cp -a /proc/self/fd/3/. "$0" && exec 3<&- "$@"`,
    folder,
  ];
}

/** Makes the folder read-only for the command. */
export function onReadOnlyDisk(folder: string): readonly string[] {
  const mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
  return [...NAMESPACE, 'sh', '-c', mount, folder];
}
