/** Public interface of the HTTP adapter. */
export { connectEngineServer, findAddresses } from './engine-server.ts';
export { type Proxies, useProxies } from './proxies.ts';
export { closeHttp, createHttpServer, listenHttp, type WebHandler } from './server.ts';
