/**
 * The one table of command-line options and of `IDLEWATT_*` environment variables. `npm start`, the desktop shell and
 * the agent read their command lines, pass options on and print their help by it (`command-line.ts`).
 */
import { LOG_THRESHOLDS } from './log.ts';
import { PROFILES } from './profiles.ts';

/** The programs with a command line: `npm start`, the Electron shell, the agent. */
export type OptionReader = 'start' | 'shell' | 'agent';

/** Exit code after a command line that could not be read. A start that fails for another reason exits with 1. */
export const USAGE_EXIT_CODE = 2;
/** Exit code after a bug (EX_SOFTWARE of sysexits.h): the parent may start the process again. */
export const BUG_EXIT_CODE = 70;

interface OptionBase {
  /** The programs that act on it. The shell passes on everything that the agent acts on. */
  readonly readBy: readonly OptionReader[];
  /** Environment variable that sets it where the command line doesn't. */
  readonly env?: string;
  /** Left out of the help: used between our own processes only. */
  readonly internal?: true;
  readonly help: string;
}

export type OptionSpec = OptionBase &
  (
    | { readonly type: 'flag' }
    /** A `path` is relative to the working directory. */
    | { readonly type: 'text' | 'path'; readonly placeholder: string; readonly multiple?: true }
    /** Port 0 selects any free port. */
    | { readonly type: 'port'; readonly placeholder: string; readonly default: number }
    | {
        readonly type: 'choice';
        readonly placeholder: string;
        readonly choices: readonly string[];
        readonly default: string;
      }
  );

export const OPTIONS = {
  headless: {
    type: 'flag',
    readBy: ['start', 'shell', 'agent'],
    help: 'run the agent without a window; its pages open in a browser',
  },
  hidden: {
    type: 'flag',
    readBy: ['shell'],
    help: 'start in the tray, without a window',
  },
  home: {
    type: 'path',
    placeholder: 'DIR',
    env: 'IDLEWATT_HOME',
    readBy: ['shell', 'agent'],
    help: 'keep everything in this data folder (default: the user’s data folder)',
  },
  port: {
    type: 'port',
    placeholder: 'N',
    default: 0,
    readBy: ['agent'],
    help: 'port of the pages on loopback, without a window (default: any free port)',
  },
  'gateway-port': {
    type: 'port',
    placeholder: 'N',
    default: 0,
    readBy: ['agent'],
    help: 'port of the gateway on loopback (default: any free port)',
  },
  profile: {
    type: 'choice',
    placeholder: 'NAME',
    choices: PROFILES,
    default: 'practice',
    readBy: ['shell', 'agent'],
    help: 'practice (default), office or open',
  },
  'passphrase-file': {
    type: 'path',
    placeholder: 'FILE',
    readBy: ['shell', 'agent'],
    help: 'file with the wallet’s passphrase, for open',
  },
  'ready-file': {
    type: 'path',
    placeholder: 'FILE',
    readBy: ['agent'],
    help: 'write the content of READY to this file, which only you can read; in a journal or a file, READY has no keys',
  },
  network: {
    type: 'text',
    placeholder: 'NAME',
    readBy: ['agent'],
    help: 'open: base-sepolia (default) or base, or their CAIP-2 IDs',
  },
  rpc: {
    type: 'text',
    placeholder: 'URL[,URL...]',
    readBy: ['agent'],
    help: 'JSON-RPC endpoints of the chain (default: the network’s); of several, two must agree',
  },
  facilitator: {
    type: 'text',
    placeholder: 'URL',
    multiple: true,
    readBy: ['agent'],
    help: 'x402 facilitator that claims for this agent; may be repeated (default: the network’s)',
  },
  connect: {
    type: 'text',
    placeholder: 'ADDRESS',
    multiple: true,
    readBy: ['agent'],
    help: 'multiaddr of a peer to connect to; may be repeated',
  },
  bootstrap: {
    type: 'text',
    placeholder: 'ADDRESS',
    multiple: true,
    readBy: ['agent'],
    help: 'open and public nodes: multiaddr of a public node through which others are found; may be repeated',
  },
  listen: {
    type: 'text',
    placeholder: 'ADDRESS',
    multiple: true,
    readBy: ['agent'],
    help: 'office, open and public nodes: multiaddr to listen on for peers, for example /ip4/0.0.0.0/tcp/4001; may be repeated (default: any free port)',
  },
  announce: {
    type: 'text',
    placeholder: 'ADDRESS',
    multiple: true,
    readBy: ['agent'],
    help: 'open and public nodes: multiaddr at which everybody reaches this machine, for example a forwarded port; may be repeated',
  },
  'updates-from': {
    type: 'text',
    placeholder: 'URL',
    env: 'IDLEWATT_UPDATES_FROM',
    readBy: ['agent'],
    help: 'folder with the signed update feed, for example a mirror (default: the one that the package names)',
  },
  'public-dht': {
    type: 'flag',
    readBy: ['agent'],
    help: 'open and public nodes: also find others, and be found, through the public DHT of IPFS (docs/public-nodes.md)',
  },
  role: {
    type: 'choice',
    placeholder: 'NAME',
    choices: ['owner', 'storefront', 'bootstrap', 'relay'],
    default: 'owner',
    readBy: ['agent'],
    help: 'owner (default); storefront also sells the market’s models over HTTP (docs/storefront.md); bootstrap or relay run a public node without a wallet or models (docs/public-nodes.md)',
  },
  'web-listen': {
    type: 'text',
    placeholder: 'ADDRESS:PORT',
    readBy: ['agent'],
    help: 'storefront: IP address and port to listen on (default: 127.0.0.1 and any free port)',
  },
  'public-url': {
    type: 'text',
    placeholder: 'URL',
    readBy: ['agent'],
    help: 'storefront: address at which buyers reach it, for example https://ai.example.com',
  },
  'trusted-proxy': {
    type: 'text',
    placeholder: 'ADDRESS',
    multiple: true,
    readBy: ['agent'],
    help: 'storefront and --bittensor-listen: IP address or network of a reverse proxy whose X-Forwarded-For counts; may be repeated',
  },
  'tls-cert': {
    type: 'path',
    placeholder: 'FILE',
    readBy: ['agent'],
    help: 'storefront: certificate chain (PEM) to serve HTTPS with; read again when it changes',
  },
  'tls-key': {
    type: 'path',
    placeholder: 'FILE',
    readBy: ['agent'],
    help: 'storefront: private key (PEM) of that certificate',
  },
  'acme-domain': {
    type: 'text',
    placeholder: 'NAME',
    readBy: ['agent'],
    help: 'storefront: obtain and renew a certificate for this domain and serve HTTPS with it; needs --acme-agree and --web-listen, which the domain’s port 443 leads to',
  },
  'acme-agree': {
    type: 'flag',
    readBy: ['agent'],
    help: 'agree to the terms of service of the certificate authority (Let’s Encrypt: https://letsencrypt.org/repository/)',
  },
  'acme-email': {
    type: 'text',
    placeholder: 'ADDRESS',
    readBy: ['agent'],
    help: 'e-mail address that the certificate authority is given (default: none)',
  },
  'acme-directory': {
    type: 'text',
    placeholder: 'URL',
    readBy: ['agent'],
    help: 'directory of the certificate authority (default: Let’s Encrypt’s)',
  },
  'bittensor-listen': {
    type: 'text',
    placeholder: 'ADDRESS:PORT',
    readBy: ['agent'],
    help: 'answer requests that allowed Bittensor hotkeys sign, on this IP address and port (default: not at all; docs/bittensor.md)',
  },
  'metrics-port': {
    type: 'port',
    placeholder: 'N',
    default: 0,
    readBy: ['agent'],
    help: 'office, storefront and public nodes: serve /metrics for Prometheus on this port of loopback (default: not at all)',
  },
  'relay-price': {
    type: 'text',
    placeholder: 'UNITS',
    readBy: ['agent'],
    help: 'relay: charge the machines with places so many base units of USDC per megabyte, for example 20; needs --profile open and a wallet (default: free)',
  },
  'quiet-requester': {
    type: 'flag',
    readBy: ['agent'],
    help: 'practice: start the requester without sending requests',
  },
  'log-level': {
    type: 'choice',
    placeholder: 'LEVEL',
    choices: LOG_THRESHOLDS,
    default: 'info',
    env: 'IDLEWATT_LOG_LEVEL',
    readBy: ['shell', 'agent'],
    help: 'least severe lines to log: debug, info (default), warn, error or silent',
  },
  host: {
    type: 'choice',
    placeholder: 'NAME',
    choices: ['headless', 'desktop'],
    default: 'headless',
    readBy: ['agent'],
    internal: true,
    help: 'desktop when the shell runs the agent',
  },
  'practice-requester': {
    type: 'flag',
    readBy: ['agent'],
    internal: true,
    help: 'run the practice network’s second agent',
  },
  version: { type: 'flag', readBy: ['start', 'shell', 'agent'], help: 'print the version and exit' },
  help: { type: 'flag', readBy: ['start', 'shell', 'agent'], help: 'print this help and exit' },
} as const satisfies Readonly<Record<string, OptionSpec>>;

export type OptionName = keyof typeof OPTIONS;

/** Environment variables. Those with `option` set that option; the others are read where they are needed. */
export const ENVIRONMENT: Readonly<
  Record<
    string,
    {
      readonly option?: OptionName;
      /**
       * `internal` is set by our own processes, `test` by tests and benchmarks; `client` belongs to the examples for
       * clients of the gateway and is never read here.
       */
      readonly audience: 'public' | 'internal' | 'test' | 'client';
      readonly help: string;
    }
  >
> = {
  IDLEWATT_HOME: { option: 'home', audience: 'public', help: 'data folder' },
  IDLEWATT_LOG_LEVEL: { option: 'log-level', audience: 'public', help: 'least severe lines to log' },
  IDLEWATT_MODEL_CACHE: {
    audience: 'public',
    help: 'folder of verified model files shared between data folders',
  },
  IDLEWATT_UPDATES_FROM: {
    option: 'updates-from',
    audience: 'public',
    help: 'folder with the signed update feed',
  },
  IDLEWATT_CACHE: { audience: 'public', help: 'folder of the downloads that the npm commands keep' },
  IDLEWATT_SANDBOX: { audience: 'internal', help: 'confinements that the launcher applied to the engine' },
  IDLEWATT_TEST: { audience: 'test', help: '1 lets end-to-end tests read the shell’s tray and dialogs' },
  IDLEWATT_ELECTRON_FOR_TESTS: {
    audience: 'test',
    help: 'executable of the Electron that desktop tests start',
  },
  IDLEWATT_INSTALLED_APP: {
    audience: 'test',
    help: 'executable of an installed app that desktop tests start instead of the repository’s',
  },
  IDLEWATT_CHROMIUM: { audience: 'test', help: 'executable of the browser that tests of the pages start' },
  IDLEWATT_SEED: { audience: 'test', help: 'seed that repeats a randomized test or benchmark' },
  IDLEWATT_TEST_SECRET: { audience: 'test', help: 'a value that must not reach the engine’s environment' },
  IDLEWATT_CRASH_FOLDER: { audience: 'test', help: 'folder of a crash run on a small disk of its own' },
  IDLEWATT_CRASH_CLOCKS: { audience: 'test', help: 'folder with the clocks that a crash run sets' },
  IDLEWATT_CLIENT_BASE_URL: { audience: 'test', help: 'base URL that the tests of real clients call' },
  IDLEWATT_CLIENT_MODEL: { audience: 'test', help: 'model that the tests of real clients ask' },
  IDLEWATT_CLIENT_EMBEDDING_MODEL: {
    audience: 'test',
    help: 'embedding model that the tests of real clients ask',
  },
  IDLEWATT_CLIENT_PROVIDER_URL: { audience: 'test', help: 'provider that the tests of paying clients call' },
  IDLEWATT_CLIENT_PROVIDER_ADDRESS: { audience: 'test', help: 'the same provider’s multiaddr' },
  IDLEWATT_CLIENT_PROVIDER_RELAYED_ADDRESS: { audience: 'test', help: 'its multiaddr at a relay' },
  IDLEWATT_CLIENT_VECTORS: { audience: 'test', help: 'file with the test vectors of the protocol' },
  IDLEWATT_CLIENT_HORDE_EXCHANGES: {
    audience: 'test',
    help: 'requests and responses of an AI Horde, as JSON',
  },
  IDLEWATT_CLIENT_HOTKEY: {
    audience: 'test',
    help: 'hotkey of the machine that the tests of signing clients ask',
  },
  IDLEWATT_CLIENT_SEED: { audience: 'test', help: 'seed of a worthless hotkey that it allows' },
  IDLEWATT_CLIENT_SHOP_URL: { audience: 'test', help: 'storefront that the tests of its clients buy from' },
  IDLEWATT_CLIENT_FACILITATOR_URL: { audience: 'test', help: 'facilitator that lists the storefront' },
  IDLEWATT_CLIENT_BOOKS_URL: { audience: 'test', help: 'server that shows what the storefront recorded' },
  IDLEWATT_CLIENT_CHAIN: { audience: 'test', help: 'chain of that provider, as JSON' },
  IDLEWATT_CLIENT_PRIVATE_KEY: { audience: 'test', help: 'key of a worthless wallet on that chain' },
  IDLEWATT_KEY: { audience: 'client', help: 'the gateway’s key' },
};

type ValueOf<Spec> = Spec extends { readonly type: 'flag' }
  ? boolean
  : Spec extends { readonly type: 'port' }
    ? number
    : Spec extends { readonly choices: readonly (infer Choice)[] }
      ? Choice
      : Spec extends { readonly multiple: true }
        ? readonly string[]
        : string | null;

/** The value of each option; its default where nothing set it. */
export type OptionValues = { readonly [Name in OptionName]: ValueOf<(typeof OPTIONS)[Name]> };

/** One option as the command line or the environment set it; null for a flag. */
export interface GivenOption {
  readonly name: OptionName;
  readonly value: string | null;
}

export interface ReadOptions {
  readonly values: OptionValues;
  /** The options that were set, in order. Variables of the environment come first. */
  readonly given: readonly GivenOption[];
}
