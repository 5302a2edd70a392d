/**
 * Verifies: for each library for GPUs that is faster than the one in use, the engine tells why it isn't used, and pages show
 *   those that concern a GPU that is on.
 * Setup: invented packages and loaders' texts of each system; where this machine has the package for CUDA, its real library
 *   and the system's loader, which names the runtime that no driver installs.
 * Fails if: a missing library isn't named, a library that isn't needed is reported, CUDA is missed on a card that has none, or
 *   a library that loads counts as broken.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type GraphicsSearch, graphicsProblems } from '../../../main/adapters/llama/graphics-problems.ts';
import { concerning } from '../../../renderer/pages/graphics-problems.ts';
import { graphicsProblemSchema } from '../../../shared/graphics-problems.ts';

const LINUX: GraphicsSearch = {
  platform: 'linux',
  arch: 'x64',
  find: (packageName, file) => `/packages/${packageName}/${file}`,
  open: () => {
    throw new Error('Module did not self-register: /packages/x.so');
  },
};
const failing = (message: string): GraphicsSearch => ({
  ...LINUX,
  open: () => {
    throw new Error(message);
  },
});

test('a library that the system lacks is named', () => {
  const search = failing('libvulkan.so.1: cannot open shared object file: No such file or directory');
  assert.deepEqual(graphicsProblems('cpu', search), [
    { backend: 'cuda', why: 'library', detail: 'libvulkan.so.1' },
    { backend: 'vulkan', why: 'library', detail: 'libvulkan.so.1' },
  ]);
  const windows: GraphicsSearch = {
    ...failing('The specified module could not be found.\r\n\\\\?\\C:\\x\\ggml-vulkan.dll'),
    platform: 'win32',
  };
  assert.deepEqual(graphicsProblems('vulkan', windows), [{ backend: 'cuda', why: 'library', detail: null }]);
});

test('only what is faster than the library in use is reported, from the files of this system', () => {
  const asked: string[] = [];
  const find = (packageName: string, file: string) => {
    asked.push(`${packageName}/${file}`);
    return null;
  };
  assert.deepEqual(graphicsProblems('cuda', { ...LINUX, find }), []);
  assert.deepEqual(graphicsProblems('vulkan', { ...LINUX, find }), [
    { backend: 'cuda', why: 'absent', detail: null },
  ]);
  graphicsProblems('vulkan', { ...LINUX, platform: 'win32', find });
  assert.deepEqual(asked, [
    '@node-llama-cpp/linux-x64-cuda/bins/linux-x64-cuda/libggml-cuda.so',
    '@node-llama-cpp/win-x64-cuda/bins/win-x64-cuda/ggml-cuda.dll',
  ]);
  assert.deepEqual(graphicsProblems('cpu', { ...LINUX, arch: 'arm64' }), []);
  assert.deepEqual(graphicsProblems('metal', { ...LINUX, platform: 'darwin' }), []);
});

test('a library that loads finds no GPU, and any other text of the loader is shown, cut to one line', () => {
  assert.deepEqual(
    graphicsProblems('cpu', LINUX).map(({ why }) => why),
    ['no-device', 'no-device'],
  );
  const [problem] = graphicsProblems('cpu', failing(`${'x'.repeat(1_000)}\nmore`));
  assert.equal(graphicsProblemSchema.parse(problem).detail, 'x'.repeat(300));
});

test('the page shows CUDA only for cards that have it, and nothing while all GPUs are off', () => {
  const problems = graphicsProblems('cpu', LINUX);
  const shown = (...names: string[]) =>
    concerning(
      problems,
      names.map((name) => ({ name })),
    ).map((each) => each.backend);
  assert.deepEqual(shown('NVIDIA GeForce RTX 4070'), ['cuda', 'vulkan']);
  assert.deepEqual(shown('AMD Radeon RX 7800 XT'), ['vulkan']);
  assert.deepEqual(shown(), []);
});

const isInstalled = graphicsProblems('vulkan')[0]?.why !== 'absent';
const HERE = {
  skip:
    process.platform === 'linux' && process.arch === 'x64' && !isInstalled
      ? 'CUDA’s package is not installed'
      : false,
};
test('the real loader names the runtime of CUDA that this system lacks', HERE, (t) => {
  const [problem] = graphicsProblems('vulkan');
  t.diagnostic(JSON.stringify(problem));
  if (problem?.why === 'library') assert.match(problem.detail ?? '', /^lib(?:cuda|cublas)/);
  else assert.equal(problem?.why ?? 'no-device', 'no-device');
});
