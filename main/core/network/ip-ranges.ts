/** Tells addresses of homes and offices from those of the internet. */
import { BlockList, isIPv4 } from 'node:net';

/** RFC 1918. */
const PRIVATE: readonly (readonly [string, number])[] = [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
];
/** Further ranges that nobody on the internet reaches: of carriers, of this machine, of documents, of several machines at a time. */
const NOT_PUBLIC: readonly (readonly [string, number])[] = [
  ...PRIVATE,
  ['0.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];

const privateList = listOf(PRIVATE);
const notPublicList = listOf(NOT_PUBLIC);

export function isPrivateIpv4(host: string): boolean {
  return isIPv4(host) && privateList.check(host);
}

export function isPublicIpv4(host: string): boolean {
  return isIPv4(host) && !notPublicList.check(host);
}

function listOf(ranges: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [host, bits] of ranges) list.addSubnet(host, bits);
  return list;
}
