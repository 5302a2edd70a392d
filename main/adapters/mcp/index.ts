/** Public interface of the MCP adapter: serves a paid tool over streamable HTTP. */
export { createPaidToolServer } from './paid-tool-server.ts';
