/** Command lines in the format in which each operating system starts them at login. Pure, so that tests can check quoting. */

/** An XDG autostart file (Desktop Entry Specification 1.5). */
export function desktopEntry(program: string, parameters: readonly string[]): string {
  const command = [program, ...parameters].map(execArgument).join(' ');
  return ['[Desktop Entry]', 'Type=Application', 'Name=Idlewatt', `Exec=${stringValue(command)}`, ''].join(
    '\n',
  );
}

/** A quoted argument of `Exec`: four characters are escaped in quotes, and a percent sign would be a field code. */
function execArgument(argument: string): string {
  return `"${argument.replaceAll(/["`$\\]/g, '\\$&').replaceAll('%', '%%')}"`;
}

/** The escapes of every value of type string, which are undone before those of `Exec`. */
function stringValue(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\t', '\\t')
    .replaceAll('\r', '\\r');
}

/** A launchd property list that starts a program once at login. */
export function launchAgent(label: string, command: readonly string[]): string {
  const strings = command.map((argument) => `    <string>${xml(argument)}</string>`);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    '<dict>',
    `  <key>Label</key><string>${xml(label)}</string>`,
    '  <key>ProgramArguments</key>',
    '  <array>',
    ...strings,
    '  </array>',
    '  <key>RunAtLoad</key><true/>',
    '</dict>',
    '</plist>',
    '',
  ].join('\n');
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/**
 * One argument as CommandLineToArgvW reads it. Electron joins the arguments of a login item with spaces and quotes
 * none. Backslashes count only before a quote, where each is doubled.
 */
export function windowsArgument(argument: string): string {
  if (/^[^\s"]+$/.test(argument)) return argument;
  return `"${argument.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/\\+$/, '$&$&')}"`;
}
