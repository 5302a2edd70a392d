/** Public interface of the gateway module. */

export { marketView, type OfferedNow } from './market-view.ts';
export { createGateway, type GatewayOptions, type GatewayService } from './service.ts';
