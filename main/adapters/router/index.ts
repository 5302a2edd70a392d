/** Public interface of the router adapter: port mappings by NAT-PMP and UPnP. */
export { createPortMapper, type PortMapperOptions } from './port-mapper.ts';
