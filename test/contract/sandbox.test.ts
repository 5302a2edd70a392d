/**
 * Verifies: every part of the engine's sandbox that is reported as active is enforced, and the engine can neither change
 * a file's attributes nor signal another process.
 * Setup: the launcher is compiled here; a child attempts everything from inside, an independent check determines the
 * kernel's capabilities, and the real engine generates inside the sandbox.
 * Fails if: a part is reported but not enforced, or the sandbox is so strict that no model loads.
 */
import assert from 'node:assert/strict';
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLlamaSpawner } from '../../main/adapters/llama/index.ts';
import { sandboxedStart } from '../../main/adapters/llama/sandbox.ts';
import { createEngineSupervisor } from '../../main/core/engine/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { LoadedModel } from '../../main/ports/engine.ts';
import { sandboxLauncher } from '../../native/index.ts';
import { buildNative } from '../../scripts/lib/native-build.ts';
import { isAppError } from '../../shared/errors.ts';
import { SANDBOX_PARTS, type SandboxState } from '../../shared/sandbox.ts';
import { collect, request, SUITE_LOAD } from './engine-suite.ts';
import type { ProbeReport } from './sandbox-probe.ts';

const LINUX = process.platform === 'linux';
const MEMORY_BYTES_MAX = 700 * 1024 * 1024;
const TINY = fileURLToPath(new URL('../../resources/models/idlewatt-tiny.gguf', import.meta.url));

/** Queries the kernel for Landlock, which restricts file access, without using the launcher's code. */
function kernelHasLandlock(): boolean {
  const program = 'import ctypes; print(ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1))';
  return Number(execFileSync('python3', ['-c', program], { encoding: 'utf8' })) >= 1;
}

/** Creates the files that the probe attempts to use. */
function createProbeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-sandbox-'));
  mkdirSync(join(folder, 'models'));
  writeFileSync(join(folder, 'models/model'), 'a model');
  writeFileSync(join(folder, 'key'), 'a key');
  copyFileSync('/bin/true', join(folder, 'program'));
  chmodSync(join(folder, 'program'), 0o755);
  return folder;
}

/** Python program that prints the result of creating sockets of several families and a socket pair. */
const SOCKET_ATTEMPTS = `
import errno, socket
def attempt(make):
    try:
        make()
        return 'done'
    except OSError as error:
        return errno.errorcode[error.errno]
print(*[attempt(lambda: socket.socket(*kind)) for kind in (
    (socket.AF_INET, socket.SOCK_DGRAM), (socket.AF_INET6, socket.SOCK_STREAM),
    (socket.AF_UNIX, socket.SOCK_STREAM), (socket.AF_NETLINK, socket.SOCK_RAW))], attempt(socket.socketpair))
`;
const FORBIDDEN_FILE_ATTEMPTS = [
  'readUsers',
  'readUsersInPool',
  'readKey',
  'listRoot',
  'readOtherProcess',
  'writeBesideModel',
  'overwriteModel',
  'writeTemporary',
  'runProgram',
];

const CHANGES = [
  'changeMode',
  'changeModeOfOpen',
  'changeOwner',
  'changeLinkOwner',
  'changeTimes',
  'changeLinkTimes',
  'truncate',
];

/**
 * Python program that prints the result of calls Node doesn't offer: extended and file-system attributes of the file in
 * its first argument, the receiver of a pipe's signals, another process's limits, and signals to the process in its
 * second argument, by every call that sends one; then a signal to itself.
 */
const CALL_ATTEMPTS = `
import ctypes, errno, fcntl, os, resource, signal, struct, sys
path, other = sys.argv[1], int(sys.argv[2])
c = ctypes.CDLL(None, use_errno=True)
def attempt(make):
    try:
        result = make()
    except OSError as error:
        return errno.errorcode[error.errno]
    if result == -1:
        return errno.errorcode[ctypes.get_errno()]
    return 'done'
file = os.open(path, os.O_RDONLY)
reading, writing = os.pipe()
NUMBERS = {'x86_64': (200, 234, 129, 297), 'aarch64': (130, 131, 138, 240)}
tkill, tgkill, sigqueue, tgsigqueue = NUMBERS[os.uname().machine]
information = (ctypes.c_int * 32)(28, 0, -1)
flags = bytearray(8)
print(*[attempt(make) for make in (
    lambda: os.setxattr(path, 'user.idlewatt', b'x'),
    lambda: os.setxattr(file, 'user.idlewatt', b'x'),
    lambda: fcntl.ioctl(file, 0x40086602, flags),
    lambda: fcntl.fcntl(reading, fcntl.F_SETOWN, other),
    lambda: fcntl.fcntl(reading, fcntl.F_SETSIG, signal.SIGWINCH),
    lambda: resource.prlimit(other, resource.RLIMIT_CPU, resource.prlimit(other, resource.RLIMIT_CPU)),
    lambda: c.syscall(tkill, other, 0),
    lambda: c.syscall(tgkill, other, other, 0),
    lambda: c.syscall(sigqueue, other, 28, information),
    lambda: c.syscall(tgsigqueue, other, other, 28, information),
    lambda: signal.pidfd_send_signal(0, 0),
    lambda: c.syscall(452, -100, path.encode(), 0o644, 0),
)], attempt(lambda: os.kill(os.getpid(), 0)), attempt(lambda: signal.raise_signal(signal.SIGCHLD)))
`;

/** Runs sandbox-probe.ts inside or outside the sandbox and returns its report. */
async function probe(sandboxed: boolean, folder: string, server: Server): Promise<ProbeReport> {
  const start = sandboxedStart(process.execPath, {
    modelFolders: [join(folder, 'models'), import.meta.dirname],
    memoryBytesMax: MEMORY_BYTES_MAX,
    launcher: sandboxed ? sandboxLauncher() : null,
  });
  assert.equal(start !== null, sandboxed, 'the launcher is compiled');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const child = fork(
    fileURLToPath(new URL('./sandbox-probe.ts', import.meta.url)),
    ['attempt', folder, `${address.port}`],
    {
      env: { PATH: process.env.PATH ?? '', ...start?.env },
      execPath: start?.execPath ?? process.execPath,
      execArgv: [...(start?.execArgv ?? [])],
    },
  );
  const [report] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => assert.fail(`the probe ended with ${code} and no report`)),
  ]);
  return report;
}

/** Runs a Python program inside the sandbox and returns its output. */
function runPython(folder: string, code: string, ...parameters: string[]): string {
  const python = (program: string) => ['-c', program];
  const lines = execFileSync('python3', python('import sys; print(sys.executable); print(sys.prefix)'), {
    encoding: 'utf8',
  });
  const [program = '', prefix = ''] = lines.split('\n');
  const start = sandboxedStart(program, { modelFolders: [prefix, join(folder, 'models')] });
  assert.ok(start);
  const given = [...start.execArgv, ...python(code), ...parameters];
  return execFileSync(start.execPath, given, { encoding: 'utf8' }).trim();
}

describe('the sandbox, tested from inside', { skip: !LINUX }, () => {
  let folder: string;
  let free: ProbeReport;
  let shutIn: ProbeReport;
  const server = createServer((socket) => socket.destroy());

  before(async () => {
    const { state, reason } = buildNative();
    assert.notEqual(state, 'missing', reason ?? '');
    folder = createProbeFolder();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    free = await probe(false, folder, server);
    rmSync(join(folder, 'models/new'), { force: true });
    rmSync(join(folder, 'temporary'), { force: true });
    shutIn = await probe(true, folder, server);
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('every attempt succeeds outside the sandbox, so that refusals are meaningful', () => {
    assert.equal(free.inForce, '');
    for (const [attempt, outcome] of Object.entries(free.outcomes)) assert.equal(outcome, 'done', attempt);
    assert.ok(free.memoryBytes > MEMORY_BYTES_MAX);
  });

  it('refuses every socket', () => {
    assert.ok(shutIn.inForce.split(' ').includes('network'));
    const { connect, listen, datagram } = shutIn.outcomes;
    assert.deepEqual([connect, listen, datagram], ['EACCES', 'EACCES', 'EACCES']);
  });

  it('refuses sockets of any family, and allows socket pairs, which reach no other process', () => {
    assert.equal(runPython(folder, SOCKET_ATTEMPTS), 'EACCES EACCES EACCES EACCES done');
  });

  it('refuses attributes, limits and signals by calls that Node does not offer', () => {
    const outcomes = runPython(folder, CALL_ATTEMPTS, join(folder, 'models/model'), `${process.pid}`);
    assert.equal(outcomes, `${'EACCES '.repeat(12)}done done`);
  });

  it('refuses to change mode, owner, times and length of files, and to signal other processes', () => {
    const refused = [...CHANGES, 'signalParent', 'probeParent', 'signalGroup'];
    for (const name of refused) assert.equal(shutIn.outcomes[name], 'EACCES', name);
    assert.equal(shutIn.outcomes.signalSelf, 'done');
  });

  it('refuses all files except models and libraries if the kernel supports it, and otherwise does not report it', () => {
    const { readModel, ...files } = shutIn.outcomes;
    assert.equal(readModel, 'done');
    const refusal = kernelHasLandlock() ? 'EACCES' : 'done';
    assert.equal(shutIn.inForce.split(' ').includes('files'), refusal === 'EACCES');
    for (const name of FORBIDDEN_FILE_ATTEMPTS) {
      assert.equal(files[name], refusal, name);
    }
    assert.equal(existsSync(join(folder, 'models/new')), refusal === 'done');
  });

  it('limits private memory', () => {
    assert.ok(shutIn.inForce.split(' ').includes('memory'));
    assert.ok(shutIn.memoryBytes > 0 && shutIn.memoryBytes < MEMORY_BYTES_MAX, `${shutIn.memoryBytes}`);
  });

  it('a child that hangs dies with its parent', async () => {
    const parent = fork(fileURLToPath(new URL('./sandbox-parent.ts', import.meta.url)));
    const [pid] = await once(parent, 'message');
    assert.equal(isAlive(pid), true);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    // The kernel sends the signal immediately; the process needs CPU time to end.
    for (let tries = 0; tries < 200 && isAlive(pid); tries += 1) await setTimeout(50);
    const outlived = isAlive(pid);
    if (outlived) process.kill(pid, 'SIGKILL');
    assert.equal(outlived, false);
  });
});

describe('the real engine in the sandbox', { skip: !LINUX }, () => {
  let folder: string;
  before(() => {
    buildNative();
    folder = mkdtempSync(join(tmpdir(), 'idlewatt-engine-'));
    for (const name of ['models', 'elsewhere']) {
      mkdirSync(join(folder, name));
      copyFileSync(TINY, join(folder, name, 'tiny.gguf'));
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function generate(launcher?: null): Promise<{ loaded: LoadedModel; text: string }> {
    const sandbox = { modelFolders: [join(folder, 'models')], ...(launcher === null && { launcher }) };
    const engine = createEngineSupervisor({ spawn: createLlamaSpawner({ sandbox }), clock: systemClock });
    const model = (name: string) => ({ id: 'tiny', path: join(folder, name, 'tiny.gguf'), sha256: '' });
    try {
      if (launcher !== null && kernelHasLandlock()) {
        await assert.rejects(engine.load(model('elsewhere'), SUITE_LOAD), (error) =>
          isAppError(error, 'model-unavailable'),
        );
      }
      const loaded = await engine.load(model('models'), SUITE_LOAD);
      const { text } = await collect(engine.generate(request(), new AbortController().signal));
      return { loaded, text };
    } finally {
      await engine.stop();
    }
  }

  it('generates the same inside and outside the sandbox, and reports the active parts', async () => {
    const inside = await generate();
    const outside = await generate(null);
    const all = (state: SandboxState) => Object.fromEntries(SANDBOX_PARTS.map((part) => [part, state]));
    const files = kernelHasLandlock() ? 'in-force' : 'refused';
    assert.deepEqual(inside.loaded.sandbox, { ...all('in-force'), files });
    assert.deepEqual(outside.loaded.sandbox, { ...all('not-built'), priority: 'in-force' });
    assert.notEqual(inside.text, '');
    assert.equal(inside.text, outside.text);
  });
});

/** Returns false for a process that is gone or a zombie. */
function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
