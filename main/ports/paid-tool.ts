/** One tool of an MCP server (Model Context Protocol) that is paid by x402 in the metadata of its calls. */

export interface PaidToolCall {
  /** As received. */
  readonly arguments: unknown;
  /** The payment of x402 (version 2), as received; undefined for none. */
  readonly payment: unknown;
  readonly signal: AbortSignal;
}

export type PaidToolResult =
  | { readonly kind: 'answered'; readonly text: string; readonly paymentResponse: object | null }
  /** `required` is what x402 calls PaymentRequired. */
  | { readonly kind: 'payment-required'; readonly required: Readonly<Record<string, unknown>> }
  | { readonly kind: 'failed'; readonly message: string };

export interface PaidTool {
  readonly name: string;
  readonly description: string;
  /** JSON schema of the arguments. */
  readonly inputSchema: { readonly type: 'object'; readonly [name: string]: unknown };
  call(call: PaidToolCall): Promise<PaidToolResult>;
}

/** Answers one HTTP request of an MCP client, whose body is parsed. */
export type ServePaidTool = (request: Request, body: unknown) => Promise<Response>;
