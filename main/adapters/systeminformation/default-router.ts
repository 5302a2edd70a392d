/** Finds the router through which this machine reaches the internet. */
import systeminformation from 'systeminformation';
import { text } from './facts.ts';
import { inTime } from './in-time.ts';

/** Its IPv4 address; null without a network, or if the system doesn't say it. */
export async function defaultRouter(): Promise<string | null> {
  return text(await inTime(systeminformation.networkGatewayDefault()));
}
