/** UPnP: finds the router's own Internet Gateway Device by SSDP and has it forward a port. */
import { randomInt } from 'node:crypto';
import { isIPv4 } from 'node:net';
import type { MappingRefusal, MappingRequest, PortMapping } from '../../ports/port-mapper.ts';
import { addressTowards, exchange } from './datagrams.ts';
import { describeServices, readHost, type Service, soapCall } from './gateway-device.ts';

const PORT = 1_900;
const MULTICAST = '239.255.255.250';
/** Both versions: most routers in use speak only the first. */
const DEVICES = [1, 2].map((version) => `urn:schemas-upnp-org:device:InternetGatewayDevice:${version}`);
const SEND_AT_MS = [0, 500];
const WAIT_MS = 1_500;
const ANSWER_BYTES_MAX = 2_048;
/** One per version, and again to the second search. */
const ANSWERS_MAX = 4;
const LOCATION_CHARACTERS_MAX = 512;

/** UPnP's error codes for a mapping. */
const TAKEN = 718;
const PERMANENT_ONLY = 725;
/** Ports that are tried instead of one that another machine has. */
const OTHER_PORTS = { tries: 2, from: 20_000, until: 60_000 } as const;
const DESCRIPTION = 'Idlewatt';

interface Gateway {
  readonly service: Service;
  readonly fetch: typeof fetch;
}

/** See {@link PortMapper.map}. */
export async function mapByUpnp(
  request: MappingRequest,
  options: { readonly fetch: typeof fetch },
  signal: AbortSignal,
): Promise<PortMapping | MappingRefusal> {
  const { router, internalPort, lifetimeMs } = request;
  const internalHost = await addressTowards(router, PORT).catch(() => null);
  if (internalHost === null) return 'no-router';
  const service = await findService(router, internalHost, options.fetch, signal);
  if (typeof service === 'string') return service;
  const gateway = { service, fetch: options.fetch };
  const externalPort = await addMapping(gateway, { internalHost, internalPort, lifetimeMs }, signal);
  if (typeof externalPort === 'string') return externalPort;
  const address = await soapCall(gateway, 'GetExternalIPAddress', [], signal);
  const externalHost = 'values' in address ? readHost(address.values, 'NewExternalIPAddress') : null;
  return {
    ...{ by: 'upnp', router, internalHost, internalPort, externalPort, lifetimeMs },
    externalHost: externalHost !== null && isIPv4(externalHost) ? externalHost : null,
    async remove(within) {
      await soapCall(gateway, 'DeletePortMapping', named(externalPort), within).catch(() => undefined);
    },
  };
}

/** The service of the router, and of no other machine, that maps ports. */
async function findService(
  router: string,
  localAddress: string,
  fetchRouter: typeof fetch,
  signal: AbortSignal,
): Promise<Service | MappingRefusal> {
  const locations = await exchange(
    {
      ...{ router, localAddress, sendAtMs: SEND_AT_MS, waitMs: WAIT_MS, answersMax: ANSWERS_MAX },
      // Some switches pass no multicast.
      targets: [MULTICAST, router].map((host) => ({ host, port: PORT })),
      messages: DEVICES.map(searchMessage),
      read: (bytes) => readLocation(bytes, router),
    },
    signal,
  );
  if (locations.length === 0) return 'no-router';
  for (const location of new Set(locations)) {
    const [best] = await describeServices(location, router, fetchRouter, signal);
    if (best !== undefined) return best;
  }
  return 'invalid';
}

function searchMessage(device: string): Uint8Array {
  const lines = [
    'M-SEARCH * HTTP/1.1',
    `HOST: ${MULTICAST}:${PORT}`,
    'MAN: "ssdp:discover"',
    'MX: 1',
    `ST: ${device}`,
  ];
  return new TextEncoder().encode(`${lines.join('\r\n')}\r\n\r\n`);
}

/** The address of the device's description, if it is at the router; null for anything else. */
export function readLocation(datagram: Uint8Array, router: string): string | null {
  if (datagram.byteLength > ANSWER_BYTES_MAX) return null;
  const [first = '', ...headers] = new TextDecoder().decode(datagram).split(/\r?\n/);
  if (!/^HTTP\/1\.[01] 200\b/.test(first)) return null;
  const header = (name: string) =>
    headers
      .find((line) => line.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim();
  const location = header('location') ?? '';
  if (!DEVICES.includes(header('st') ?? '') || location.length > LOCATION_CHARACTERS_MAX) return null;
  return isAtRouter(location, router) ? location : null;
}

function isAtRouter(url: string, router: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, username, password } = new URL(url);
  return protocol === 'http:' && hostname === router && username === '' && password === '';
}

type Internal = Pick<PortMapping, 'internalHost' | 'internalPort' | 'lifetimeMs'>;

/** Returns the router's port. */
export async function addMapping(
  gateway: Gateway,
  { internalHost, internalPort, lifetimeMs }: Internal,
  signal: AbortSignal,
): Promise<number | MappingRefusal> {
  const others = Array.from({ length: OTHER_PORTS.tries }, () =>
    randomInt(OTHER_PORTS.from, OTHER_PORTS.until),
  );
  for (const externalPort of [internalPort, ...others]) {
    const answer = await soapCall(
      gateway,
      'AddPortMapping',
      [
        ...named(externalPort),
        ['NewInternalPort', String(internalPort)],
        ['NewInternalClient', internalHost],
        ['NewEnabled', '1'],
        ['NewPortMappingDescription', DESCRIPTION],
        ['NewLeaseDuration', String(Math.round(lifetimeMs / 1_000))],
      ],
      signal,
    );
    if ('values' in answer) return externalPort;
    if (answer.code === PERMANENT_ONLY) return 'permanent-only';
    if (answer.code === null) return 'invalid';
    if (answer.code !== TAKEN) return 'refused';
  }
  return 'refused';
}

/** The parameters by which UPnP tells mappings apart. */
function named(externalPort: number): readonly (readonly [string, string])[] {
  return [
    ['NewRemoteHost', ''],
    ['NewExternalPort', String(externalPort)],
    ['NewProtocol', 'TCP'],
  ];
}
