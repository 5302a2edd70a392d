/**
 * Verifies: only the router is asked for a port, and whatever it sends is read within limits.
 * Setup: the parsers with datagrams of any content, and a router's web server that the test plays. `test/contract/market-nat`
 * asks a real one.
 * Fails if: an answer from elsewhere, or one that leads elsewhere, is followed; an absurd, huge or endless answer is read to its
 * end or throws; or a port is opened for ever.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { describeServices, readHost, soapCall } from '../../../main/adapters/router/gateway-device.ts';
import { readAnswer } from '../../../main/adapters/router/nat-pmp.ts';
import { addMapping, readLocation } from '../../../main/adapters/router/upnp.ts';

const ROUTER = '192.168.1.1';
const LOCATION = `http://${ROUTER}:5000/root.xml`;
const SERVICE = 'urn:schemas-upnp-org:service:WANIPConnection:1';
const CONTROL = `http://${ROUTER}:5000/ctl/IPConn`;
const signal = new AbortController().signal;
const bytes = (text: string) => new TextEncoder().encode(text);

function found(location: string, device = 'urn:schemas-upnp-org:device:InternetGatewayDevice:1') {
  return bytes(`HTTP/1.1 200 OK\r\nST: ${device}\r\nUSN: x\r\nLocation: ${location}\r\n\r\n`);
}

function description(services: readonly { readonly type?: string; readonly control: string }[]): string {
  const list = services.map(
    ({ type = SERVICE, control }) =>
      `<service><serviceType>${type}</serviceType><controlURL>${control}</controlURL></service>`,
  );
  return `<root><device><deviceList><device><serviceList>${list.join('')}</serviceList></device></deviceList></device></root>`;
}

/** Answers each request with the next of these; a number is the code of a UPnP error. */
function routerWith(answers: readonly (string | number | Response | Error)[]) {
  const asked: { readonly url: string; readonly body: string }[] = [];
  const fetchRouter: typeof fetch = async (url, init) => {
    const answer = answers[asked.length];
    asked.push({ url: String(url), body: String(init?.body ?? '') });
    assert.equal(init?.redirect, 'error');
    if (answer instanceof Error) throw answer;
    if (answer instanceof Response) return answer;
    if (typeof answer === 'number') {
      return new Response(`<e:Fault xmlns:e="e"><d><errorCode>${answer}</errorCode></d></e:Fault>`, {
        status: 500,
      });
    }
    return new Response(answer ?? '<a/>');
  };
  const service = { type: SERVICE, controlUrl: CONTROL };
  const map = () => {
    const internal = { internalHost: '192.168.1.2', internalPort: 4_001, lifetimeMs: 3_600_000 };
    return addMapping({ service, fetch: fetchRouter }, internal, signal);
  };
  const describe = () => describeServices(LOCATION, ROUTER, fetchRouter, signal);
  return { asked, fetchRouter, gateway: { service, fetch: fetchRouter }, map, describe };
}

test('follows an answer to the search only to the router itself', () => {
  assert.equal(readLocation(found(LOCATION), ROUTER), LOCATION);
  for (const elsewhere of [
    ...['http://192.168.1.2:5000/root.xml', 'http://192.168.1.1.example.org/', 'https://192.168.1.1/'],
    ...['http://user:x@192.168.1.1/', 'file:///etc/passwd', '/root.xml', `${LOCATION}?${'x'.repeat(600)}`],
  ]) {
    assert.equal(readLocation(found(elsewhere), ROUTER), null, elsewhere);
  }
  assert.equal(readLocation(found(LOCATION, 'upnp:rootdevice'), ROUTER), null);
  assert.equal(readLocation(bytes(`NOTIFY * HTTP/1.1\r\nLocation: ${LOCATION}\r\n\r\n`), ROUTER), null);
});

test('reads datagrams of any content without a failure', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3_000 }), (datagram) => {
      assert.equal(readLocation(datagram, ROUTER), null);
      readAnswer(datagram, 2, 16);
    }),
  );
});

test('an answer by NAT-PMP has the length and the operation that were asked for', () => {
  const answer = new Uint8Array([0, 130, 0, 0, 0, 0, 0, 1, 0x0f, 0xa1, 0x0f, 0xa1, 0, 0, 0x0e, 0x10]);
  assert.equal(readAnswer(answer, 2, 16)?.bytes.getUint32(12), 3_600);
  assert.equal(readAnswer(answer.subarray(0, 15), 2, 16), null);
  assert.equal(readAnswer(answer, 0, 12), null);
  assert.equal(readAnswer(new Uint8Array([0, 130, 0, 2]), 2, 16)?.result, 2);
});

test('takes the best service whose address is at the router', async () => {
  const other = 'urn:schemas-upnp-org:service:Layer3Forwarding:1';
  const answer = description([
    { type: other, control: '/ctl/L3F' },
    { control: 'http://192.168.1.77/ctl' },
    { control: '/ctl/IPConn' },
    { type: 'urn:schemas-upnp-org:service:WANIPConnection:2', control: '/ctl/second' },
  ]);
  const services = await routerWith([answer]).describe();
  assert.deepEqual(
    services.map(({ controlUrl }) => controlUrl),
    [`http://${ROUTER}:5000/ctl/second`, CONTROL],
  );
});

test('takes nothing from a description that is absurd, too deep, too large or endless', async () => {
  const control = '/ctl/IPConn';
  let pulled = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 1;
      controller.enqueue(bytes('<a>'.repeat(1_000)));
    },
  });
  const bad = [
    ...[
      '',
      'not xml',
      '<a',
      '<a><b></a>',
      `${'<a>'.repeat(5_000)}`,
      '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    ],
    description([{ type: '__proto__', control }, { control: 'http://[' }]),
    description([{ control }]) + ' '.repeat(70_000),
    new Response(endless),
    new Error('connection reset'),
  ];
  for (const answer of bad) assert.deepEqual(await routerWith([answer]).describe(), [], String(answer));
  assert.ok(pulled < 100, `${pulled} chunks were read`);
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 500 }), async (text) => {
      assert.deepEqual(await routerWith([text]).describe(), []);
    }),
  );
});

test('maps the same port, or another one if a machine has it already', async () => {
  const router = routerWith([718, '<a/>']);
  const port = await router.map();
  assert.ok(typeof port === 'number' && port >= 20_000);
  assert.match(router.asked[0]?.body ?? '', /<NewExternalPort>4001<.*<NewLeaseDuration>3600</);
  assert.match(router.asked[1]?.body ?? '', new RegExp(`<NewExternalPort>${port}<`));
  assert.equal(await routerWith(['<a/>']).map(), 4_001);
});

test('gives up where the router refuses, is full, or would keep the port open for ever', async () => {
  assert.equal(await routerWith([606]).map(), 'refused');
  assert.equal(await routerWith([718, 718, 718]).map(), 'refused');
  const permanent = routerWith([725]);
  assert.equal(await permanent.map(), 'permanent-only');
  assert.equal(permanent.asked.length, 1);
  assert.equal(await routerWith([new Response('<a>', { status: 500 })]).map(), 'invalid');
});

test('reads the router’s address as a text without a meaning yet', async () => {
  const answerOf = async (body: string) => {
    const answer = await soapCall(routerWith([body]).gateway, 'GetExternalIPAddress', [], signal);
    assert.ok('values' in answer);
    return readHost(answer.values, 'NewExternalIPAddress');
  };
  const inside = (value: string) =>
    `<s:Envelope xmlns:s="s"><s:Body><u:R xmlns:u="u"><NewExternalIPAddress>${value}</NewExternalIPAddress></u:R></s:Body></s:Envelope>`;
  assert.equal(await answerOf(inside('45.0.0.101')), '45.0.0.101');
  assert.equal(await answerOf(inside('x'.repeat(60))), null);
  assert.equal(await answerOf(inside('<a/><a/>')), null);
});
