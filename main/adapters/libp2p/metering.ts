/** Counts what a public node does, for Prometheus. */
import { prometheusMetrics } from '@libp2p/prometheus-metrics';
import { Gauge, Registry } from 'prom-client';
import type { MarketParts, Node } from './node.ts';
import type { RelayService } from './relay-service.ts';

export interface Metering {
  /** For the node's options. */
  readonly metrics: NonNullable<MarketParts['metrics']>;
  watch(node: Node): void;
  /** In Prometheus' text format. */
  text(): Promise<string>;
}

/** `dialed`: addresses of others that this node has tested since the start. */
export function createMetering(relay: RelayService | null, dialed: () => number): Metering {
  const registry = new Registry();
  return {
    metrics: meteredBy(relay, registry),
    watch: (node) => describe(registry, node, relay, dialed),
    text: () => registry.metrics(),
  };
}

/** libp2p's own counters, and the relay's limits at the same hook. */
function meteredBy(relay: RelayService | null, registry: Registry): Metering['metrics'] {
  return (components) => {
    const metrics = prometheusMetrics({ registry })(components);
    const track = metrics.trackProtocolStream.bind(metrics);
    metrics.trackProtocolStream = (stream) => {
      track(stream);
      relay?.trackStream(stream);
    };
    return metrics;
  };
}

function describe(registry: Registry, node: Node, relay: RelayService | null, dialed: () => number): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      ...{ name, help, registers: [registry] },
      collect() {
        this.set(read());
      },
    });
  gauge('idlewatt_connections', 'Open connections', () => node.getConnections().length);
  gauge('idlewatt_addresses_tested', 'Addresses of others dialed on request since the start', dialed);
  if (relay === null) return;
  gauge('idlewatt_relay_places', 'Peers that have a place at this relay', () => relay.counts().places);
  gauge('idlewatt_relay_bytes', 'Bytes relayed since the start', () => relay.counts().relayedBytes);
  gauge('idlewatt_relay_refused', 'Refusals by a limit since the start', () => relay.counts().refused);
}
