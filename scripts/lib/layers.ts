/** The rule of which file may import what: one table with the reason for each row. */

export interface Layer {
  /** Matches the paths of the layer's files; its first group, if any, is the module's name. */
  readonly files: RegExp;
  /** Paths it may import in addition to its own module. */
  readonly paths: readonly RegExp[];
  /** Packages; `x` includes `x/sub/path`, `@scope/*` is the whole scope, `node:*` is Node itself. */
  readonly packages: readonly string[] | 'any';
  /** Printed with every violation. */
  readonly why: string;
}

const SHARED = /^shared\//;
const PORTS = /^main\/ports\//;
const CORE_INTERFACES = /^main\/core\/[^/]+\/index\.ts$/;
const NATIVE = /^native\//;
const CONTRACTS = /^contracts\/artifacts\//;

/** The vendor libraries of each adapter folder. */
export const VENDORS: Readonly<Record<string, readonly string[]>> = {
  acme: ['acme-client'],
  anvil: ['@foundry-rs/anvil'],
  bittensor: ['@scure/sr25519', '@scure/base', '@noble/hashes'],
  busboy: ['@fastify/busboy'],
  ethers: ['ethers'],
  fflate: ['fflate'],
  gpu: ['gpu.js'],
  http: ['@hono/node-server', 'hono', 'undici'],
  libp2p: [
    'libp2p',
    '@libp2p/*',
    '@multiformats/*',
    'datastore-core',
    'interface-datastore',
    'multiformats',
    'prom-client',
    'protons-runtime',
    'jose',
    'undici',
  ],
  mcp: ['@modelcontextprotocol/sdk'],
  llama: ['node-llama-cpp', '@huggingface/jinja'],
  pdfkit: ['pdfkit'],
  pino: ['pino'],
  prometheus: ['prom-client'],
  router: ['fast-xml-parser'],
  secp256k1: ['tiny-secp256k1', 'ethers'],
  sqlite: ['better-sqlite3'],
  systeminformation: ['systeminformation'],
  tar: ['tar'],
  dbus: ['@jellybrick/dbus-next'],
  x402: ['@x402/*', 'ethers'],
};

/** The first row whose `files` match applies. */
export const LAYERS: readonly Layer[] = [
  {
    files: /^shared\//,
    // The version is read from package.json.
    paths: [SHARED, /^package\.json$/],
    packages: ['zod', '@orpc/contract', 'i18next'],
    why: 'shared/ is the language between processes: schemas and texts, no Node, no DOM, no Electron',
  },
  {
    files: /^main\/ports\//,
    paths: [SHARED, PORTS],
    packages: ['node:*', 'zod'],
    why: 'a port is an interface: it imports no implementation',
  },
  {
    files: /^main\/core\/([^/]+)\//,
    paths: [SHARED, PORTS, CORE_INTERFACES],
    packages: ['node:*', 'zod', 'hono', 'jose'],
    why: 'core imports ports, never a vendor library, and another module only through its index.ts',
  },
  {
    files: /^main\/adapters\/([^/]+)\//,
    paths: [SHARED, PORTS, NATIVE, CONTRACTS],
    packages: ['node:*', 'zod'],
    why: 'an adapter implements a port with its vendor library; it imports neither core nor other adapters',
  },
  {
    files: /^native\//,
    paths: [SHARED],
    packages: ['node:*'],
    why: 'native/ gives access to the system; it imports nothing of the app',
  },
  {
    files: /^main\/desktop(\.ts|\/)/,
    // The log is the same in every process.
    paths: [
      SHARED,
      /^main\/desktop(\.ts|\/)/,
      /^main\/ports\/(clock|data-folder|log|network-choice|no-debugger|process-flags)\.ts$/,
      /^main\/adapters\/(node|pino)\/index\.ts$/,
    ],
    packages: ['electron', 'node:*', 'zod', '@orpc/*', 'ws'],
    why: 'the shell uses the agent only through the API; it never imports core',
  },
  {
    files: /^main\/api\//,
    paths: [SHARED, PORTS, CORE_INTERFACES],
    packages: ['node:*', 'zod', 'hono', '@hono/node-server', '@orpc/*', 'ws'],
    why: 'the API serves what core decides; vendor libraries stay behind the ports',
  },
  {
    files: /^main\/agent[^/]*(\.ts|\/)/,
    paths: [SHARED, PORTS, CORE_INTERFACES, /^main\/(adapters|api)\//, /^main\/agent/],
    packages: ['node:*', 'zod', 'ws', '@orpc/*'],
    why: 'the composition runs under plain Node: no Electron, and core only through each module’s index.ts',
  },
  {
    files: /^main\//,
    paths: [SHARED],
    packages: ['node:*'],
    why: 'this file belongs to no layer; move it into one',
  },
  {
    files: /^preload\//,
    paths: [SHARED],
    packages: ['electron', 'zod'],
    why: 'the preload script only passes messages',
  },
  {
    files: /^renderer\//,
    paths: [SHARED],
    packages: [
      'react',
      'react-dom',
      'react-aria-components',
      'react-i18next',
      'i18next',
      'qrcode',
      'gpu.js',
      'zod',
      'vite',
      '@orpc/client',
      '@orpc/contract',
    ],
    why: 'pages use only the API; they import nothing of Node, Electron or the agent',
  },
  {
    files: /^(scripts|test)\//,
    paths: [/^(scripts|test|shared|main|preload|renderer|contracts|native)\//, /^[^/]+$/],
    packages: 'any',
    why: 'tools and tests',
  },
  { files: /^[^/]+$/, paths: [/^scripts\//], packages: 'any', why: 'configuration' },
];

/** Packages of package.json that no layer of the app may import, with the reason why they are installed. */
export const TOOLS: Readonly<Record<string, string>> = {
  '@action-validator/cli': 'checks .github/workflows',
  '@action-validator/core': 'the checks of @action-validator/cli',
  '@biomejs/biome': 'linter and formatter',
  '@electron/fuses': 'prepares the Electron for tests',
  '@fontsource-variable/geist': 'the font of the pages, bundled by their styles',
  '@fontsource-variable/geist-mono': 'the font for code on the pages',
  '@openzeppelin/contracts': 'imported by the contracts in contracts/*.sol',
  '@react-aria/optimize-locales-plugin': 'leaves out the texts of React Aria in other languages than ours',
  '@types/better-sqlite3': 'types',
  '@types/node': 'types',
  '@types/pdfkit': 'types',
  '@types/qrcode': 'types',
  '@types/react': 'types',
  '@types/react-dom': 'types',
  '@types/ws': 'types',
  'axe-core': 'accessibility rules in the tests of the pages',
  'did-jwt-vc': 'verifies the credentials of peers in tests, independently',
  'did-resolver': 'finds the keys of DIDs for did-jwt-vc',
  'key-did-resolver': 'the method did:key for did-resolver',
  'pkh-did-resolver': 'the method did:pkh for did-resolver',
  viem: 'verifies typed data in tests, independently',
  '@vercel/nft': 'finds the files of packages that an installed app needs',
  '@vitejs/plugin-react': 'builds the pages',
  'electron-builder': 'packages the app',
  'fast-check': 'property tests',
  node: 'the Node version that runs everything, whatever the system has',
  'node-api-headers': 'headers for the native part',
  openai: 'the official client in the tests of the gateway',
  playwright: 'drives windows and browsers in tests and screenshots',
  solc: 'compiles the contracts',
  typescript: 'checks types',
  yaml: 'reads filled listings in tests',
};

/** Returns the layer of a file, by its path from the root with forward slashes. */
export function layerOf(file: string): Layer | undefined {
  return LAYERS.find(({ files }) => files.test(file));
}

/** Returns the packages that a file of the layer may import. */
export function packagesOf(layer: Layer, file: string): readonly string[] {
  const vendor = /^main\/adapters\/([^/]+)\//.exec(file)?.[1];
  const own = vendor === undefined ? [] : (VENDORS[vendor] ?? []);
  return layer.packages === 'any' ? own : [...layer.packages, ...own];
}

/** Returns true if the table's entry includes the import. */
export function covers(entry: string, specifier: string): boolean {
  if (entry.endsWith('*')) return specifier.startsWith(entry.slice(0, -1));
  return specifier === entry || specifier.startsWith(`${entry}/`);
}
