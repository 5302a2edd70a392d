/** The marks between which models write thoughts and calls of tools. */

export const MARKS = {
  think: '<think>',
  endThink: '</think>',
  toolCall: '<tool_call>',
  endToolCall: '</tool_call>',
  xmlCall: '<function=',
  mistralCalls: '[TOOL_CALLS]',
  mistralArgs: '[ARGS]',
  python: '<|python_tag|>',
} as const;
