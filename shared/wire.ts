/**
 * Every name that two processes or two machines must agree on and that no schema carries: paths, header names,
 * event names, subprotocols, close codes and IPC channels. A unit test finds a second copy of any of them.
 */

/** Path of the API's WebSocket on the page server. */
export const API_SOCKET_PATH = '/api';
/** The only subprotocol that the page server selects. */
export const SUBPROTOCOL = 'idlewatt';
/** The token is offered as a second subprotocol, so that it appears in no URL and in no log. */
export const TOKEN_PREFIX = 'token.';
/** Path at which a browser without a token exchanges a code of the terminal for access of its own. */
export const PAIR_PATH = '/pair';
/** A paired browser offers its ID and its key as a second subprotocol instead of a token; the cookie has the ID in its name. */
export const PAIR_PREFIX = 'pair.';
export const PAIR_COOKIE_PREFIX = 'idlewatt-pair-';
/** A page can't read the status of a failed handshake, so a wrong token is reported as a close code. */
export const CLOSE_TOKEN_REFUSED = 4401;
/** Precedes the token in the address that the agent prints; a fragment is never sent to a server. */
export const TOKEN_FRAGMENT = '#token=';

/** The subprotocols that a paired browser offers. */
export function pairProtocols({ id, key }: { readonly id: string; readonly key: string }): string[] {
  return [SUBPROTOCOL, `${PAIR_PREFIX}${id}.${key}`];
}

/** The subprotocols that a client of the API offers. */
export function socketProtocols(token: string): string[] {
  return [SUBPROTOCOL, TOKEN_PREFIX + token];
}

/** Starts the line that the agent prints when it is up; JSON follows. */
export const READY_PREFIX = 'READY ';

/** Electron IPC between the preload scripts and the shell, and the window message that carries the page's port. */
export const IPC = {
  /** Page to shell: requests a port to the agent. */
  connect: 'idlewatt-connect',
  /** Shell to page, then preload to page as a window message: the port. */
  port: 'idlewatt-port',
  /** Page to shell: requests the steps of the agent's start. Shell to page: the current one, immediately and on each change. */
  startup: 'idlewatt-startup',
  /** Shell to page, and back by its preload script: a page that doesn't respond hangs. */
  alive: 'idlewatt-alive',
  /** Page to shell: opens the secret window for a task. */
  openSecret: 'idlewatt-open-secret',
  /** Secret window to shell: one request and its response. */
  secret: 'idlewatt-secret',
  /** GPU probe's window to shell: its result. */
  probeReport: 'idlewatt-probe-report',
  /** GPU probe's window to shell: the reason why there is no result. */
  probeFail: 'idlewatt-probe-fail',
} as const;

/** Path at which a machine reports to its owner's other machines, and takes their orders. */
export const MACHINE_PATH = '/v1/machine';
/** Path at which a machine takes newer lists of its network's owners, and tells its own. */
export const ROSTER_PATH = '/v1/machine/roster';
/** Path of a request to join a private network; served only while a code is open, on a network of its own. */
export const PAIRING_PATH = '/v1/pairing';

/** Path of a public node's metrics, and of an agent's. */
export const METRICS_PATH = '/metrics';
/** The protocol of the market's DHT; with another name, a node would answer for other networks too. */
export const DHT_PROTOCOL = '/idlewatt/kad/1.0.0';
/**
 * A protocol without a handler: its refusal shows that the other end of a connection is there, and no limit of streams
 * applies to it.
 */
export const UNHANDLED_PROTOCOL = '/idlewatt/are-you-there/1.0.0';
/** libp2p's protocols of AutoNAT version 2: a machine asks a public node to connect to one of its addresses. */
export const DIAL_REQUEST_PROTOCOL = '/libp2p/autonat/2/dial-request';
export const DIAL_BACK_PROTOCOL = '/libp2p/autonat/2/dial-back';
/** Its SHA-256 is the key that every provider provides, next to those of its model files. */
export const MARKET_NAME = 'idlewatt market 1';
/** Topic of the hints about changed offers; the shard of a model file follows, see `offer-shards.ts`. */
export const OFFER_TOPIC_PREFIX = '/idlewatt/offers/1/';
/** The protocol of the public DHT of IPFS, which other programs serve. */
export const PUBLIC_DHT_PROTOCOL = '/ipfs/kad/1.0.0';
/** Its SHA-256 is the key under which machines of the market find each other in the public DHT. */
export const RENDEZVOUS_NAME = 'idlewatt rendezvous 1';

/** OpenAI's paths, served by provider and gateway. */
export const CHAT_PATH = '/v1/chat/completions';
export const TEXT_PATH = '/v1/completions';
export const RESPONSES_PATH = '/v1/responses';
/** Anthropic's path, served by provider and gateway. */
export const MESSAGES_PATH = '/v1/messages';
export const MODELS_PATH = '/v1/models';
export const EMBEDDINGS_PATH = '/v1/embeddings';
/** OpenAI's paths for batches, served by the gateway. */
export const FILES_PATH = '/v1/files';
export const BATCHES_PATH = '/v1/batches';
/** Path of a provider's finished answers that batches haven't collected; the job's ID on the buyer's side follows. */
export const KEPT_ANSWERS_PATH = '/v1/kept-answers';
/** Path at which a provider takes the reports of buyers on checked answers; its ID of the job follows. */
export const CHECK_REPORTS_PATH = '/v1/check-reports';
/** Path of a provider's offer. */
export const OFFER_PATH = '/.well-known/idlewatt-offer';
/** Path at which a provider shows channels on which it was paid. */
export const REFERENCES_PATH = '/v1/references';
/** Path of the terms of a relay that charges. */
export const RELAY_TERMS_PATH = '/.well-known/idlewatt-relay';
/** Path at which a peer reads its allowance at such a relay (GET), and buys more (POST). */
export const RELAY_ALLOWANCE_PATH = '/v1/relay-allowance';
/** Path at which a peer shows its signed verdicts on providers whose answers it repeated. */
export const AUDITS_PATH = '/v1/audits';
/** Path for opening, topping up, synchronizing or refunding a channel without buying anything. */
export const CHANNEL_PATH = '/v1/channel';

/** Request header: what the gateway does when a provider pauses in the middle of a response. */
export const ON_PAUSE_HEADER = 'Idlewatt-On-Pause';
/** Request header: the highest price per million tokens that the client pays, for example `input=20000; output=80000`. */
export const MAX_PRICE_HEADER = 'Idlewatt-Max-Price';
/**
 * Request header with the ID of the buyer's job: the request is a line of a batch. It is admitted behind all others, and
 * its answer is finished and kept for a while under this ID, even if the requester leaves.
 */
export const BATCH_JOB_HEADER = 'idlewatt-batch-job';
/**
 * 32 random bytes in base64url, with the request of a line of a batch and again to collect its answer: the provider
 * encrypts the answer with it on disk, and doesn't store it.
 */
export const BATCH_KEY_HEADER = 'idlewatt-batch-key';
/** IDs of kept answers that the buyer has stored, with a space between two: the provider deletes them. */
export const BATCH_TAKEN_HEADER = 'idlewatt-batch-taken';
/** Response header: names of the request's parameters that had no effect. */
export const IGNORED_HEADER = 'x-idlewatt-ignored-parameters';
/** Response header of the gateway: why the provider was chosen; see choice-note.ts. */
export const CHOICE_HEADER = 'x-idlewatt-choice';
/** Response header: identifies the request, as OpenAI's clients report it. */
export const REQUEST_ID_HEADER = 'x-request-id';
/** The same for Anthropic's clients. */
export const ANTHROPIC_REQUEST_ID_HEADER = 'request-id';
/** Response header with the compact JWS of the receipt, on responses that aren't streamed. */
export const RECEIPT_HEADER = 'x-idlewatt-receipt';
/** Request header with the voucher (x402 version 2). Lowercase, as keys of plain header objects are. */
export const PAYMENT_HEADER = 'payment-signature';
/** Set by the storefront on requests with the API key of a customer, and removed from what its clients send: the customer's ID. */
export const CUSTOMER_HEADER = 'x-idlewatt-customer';
/** Response header with what was charged (x402 version 2). */
export const PAYMENT_RESPONSE_HEADER = 'payment-response';
/** Header of a 402 response with the payment requirements (x402 version 2). */
export const PAYMENT_REQUIRED_HEADER = 'payment-required';

/**
 * SSE event with the receipt's compact JWS. It comes after `data: [DONE]`, because OpenAI clients read to the end
 * and ignore what follows that line, but parse any event before it as JSON.
 */
export const RECEIPT_EVENT = 'idlewatt.receipt';
/** SSE event with what x402 puts into the {@link PAYMENT_RESPONSE_HEADER} of a response that isn't streamed. */
export const PAYMENT_RESPONSE_EVENT = 'x402.payment-response';

/** First line of what a request is signed over by `btauth/1`, with which Bittensor's hotkeys sign requests (version 11). */
export const BTAUTH_PROTOCOL = 'btauth/1';
/** Its headers. Lowercase, as all names of headers are compared. */
export const BTAUTH_HEADERS = {
  version: 'x-bittensor-version',
  sender: 'x-bittensor-hotkey',
  receiver: 'x-bittensor-receiver',
  nonce: 'x-bittensor-nonce',
  scheme: 'x-bittensor-crypto',
  signature: 'x-bittensor-signature',
} as const;
/** Headers of a synapse, as the dendrite of Bittensor's version 10 calls it. */
export const SYNAPSE_HEADERS = {
  sender: 'bt_header_dendrite_hotkey',
  receiver: 'bt_header_axon_hotkey',
  nonce: 'bt_header_dendrite_nonce',
  uuid: 'bt_header_dendrite_uuid',
  signature: 'bt_header_dendrite_signature',
} as const;
/** Begin the names of all headers of the two sides of a synapse. */
export const AXON_PREFIX = 'bt_header_axon_';
export const DENDRITE_PREFIX = 'bt_header_dendrite_';
/** Name of the synapse that is answered, and with a slash its path. */
export const SYNAPSE_NAME = 'IdlewattChat';
