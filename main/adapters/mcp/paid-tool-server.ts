/**
 * Serves one paid tool over MCP's streamable HTTP, without sessions: each request has a server of its own. Payments are
 * in the metadata, as x402's transport for MCP (`specs/transports-v2/mcp.md`) defines them.
 */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import type { PaidTool, PaidToolResult, ServePaidTool } from '../../ports/paid-tool.ts';

const PAYMENT = 'x402/payment';
const PAYMENT_RESPONSE = 'x402/payment-response';

/** `info` names the server to its clients. */
export function createPaidToolServer(
  tool: PaidTool,
  info: { readonly name: string; readonly version: string },
): ServePaidTool {
  return async (request, body) => {
    const server = new Server(info, { capabilities: { tools: {} } });
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: [{ name: tool.name, description: tool.description, inputSchema: { ...tool.inputSchema } }],
    }));
    server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) => {
      if (params.name !== tool.name) throw new McpError(ErrorCode.InvalidParams, 'There is no such tool.');
      const { arguments: given, _meta: metadata } = params;
      const payment = metadata?.[PAYMENT];
      return resultOf(
        await tool.call({ arguments: given, payment, signal: AbortSignal.any([signal, request.signal]) }),
      );
    });
    const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
    await server.connect(transport);
    try {
      return await transport.handleRequest(request, { parsedBody: body });
    } finally {
      await server.close();
    }
  };
}

function resultOf(result: PaidToolResult): CallToolResult {
  switch (result.kind) {
    case 'answered':
      return {
        content: [{ type: 'text', text: result.text }],
        ...(result.paymentResponse !== null && { _meta: { [PAYMENT_RESPONSE]: result.paymentResponse } }),
      };
    case 'payment-required':
      return {
        isError: true,
        structuredContent: { ...result.required },
        content: [{ type: 'text', text: JSON.stringify(result.required) }],
      };
    case 'failed':
      return { isError: true, content: [{ type: 'text', text: result.message }] };
  }
}
