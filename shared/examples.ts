/** Examples of using the gateway, shown on a page. They read the key from the environment, or from a file for secrets. */

/** Run by a test. */
export const EXAMPLES = ['curl', 'python', 'javascript'] as const;
/** Settings of programs, as Continue 1.5 (`config.yaml` of schema v1) and Open WebUI 0.12 read them. */
export const PROGRAM_EXAMPLES = ['continue', 'open-webui'] as const;
export const ALL_EXAMPLES = [...EXAMPLES, ...PROGRAM_EXAMPLES] as const;
export type Example = (typeof ALL_EXAMPLES)[number];

export interface ExampleTarget {
  readonly baseUrl: string;
  readonly model: string;
}

const QUESTION = 'Say hello.';

/** Those in `EXAMPLES` need nothing but curl, Python 3 or Node: no client library is assumed. */
export function exampleText(example: Example, { baseUrl, model }: ExampleTarget): string {
  const url = `${baseUrl}/chat/completions`;
  switch (example) {
    case 'curl':
      return [
        `curl ${url} \\`,
        '  -H "Authorization: Bearer $IDLEWATT_KEY" \\',
        '  -H "Content-Type: application/json" \\',
        `  -d '{"model": "${model}",`,
        `       "messages": [{"role": "user", "content": "${QUESTION}"}]}'`,
      ].join('\n');
    case 'python':
      return [
        'import json, os, urllib.request',
        '',
        'request = urllib.request.Request(',
        `    "${url}",`,
        '    headers={',
        '        "Authorization": "Bearer " + os.environ["IDLEWATT_KEY"],',
        '        "Content-Type": "application/json",',
        '    },',
        '    data=json.dumps({',
        `        "model": "${model}",`,
        `        "messages": [{"role": "user", "content": "${QUESTION}"}],`,
        '    }).encode(),',
        ')',
        'answer = json.load(urllib.request.urlopen(request))',
        'print(answer["choices"][0]["message"]["content"])',
      ].join('\n');
    case 'javascript':
      return [
        `const response = await fetch('${url}', {`,
        "  method: 'POST',",
        '  headers: {',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the example's own template
        '    authorization: `Bearer ${process.env.IDLEWATT_KEY}`,',
        "    'content-type': 'application/json',",
        '  },',
        '  body: JSON.stringify({',
        `    model: '${model}',`,
        `    messages: [{ role: 'user', content: '${QUESTION}' }],`,
        '  }),',
        '});',
        'const answer = await response.json();',
        'console.log(answer.choices[0].message.content);',
      ].join('\n');
    case 'continue':
      return [
        'name: Idlewatt',
        'version: 1.0.0',
        'schema: v1',
        'models:',
        '  - name: Idlewatt',
        '    provider: openai',
        `    model: ${JSON.stringify(model)}`,
        `    apiBase: ${baseUrl}`,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: Continue's own template
        '    apiKey: ${{ secrets.IDLEWATT_KEY }}',
        '    roles: [chat, edit, apply]',
      ].join('\n');
    case 'open-webui':
      return [
        'pip install open-webui',
        `OPENAI_API_BASE_URL=${baseUrl} \\`,
        'OPENAI_API_KEY="$IDLEWATT_KEY" \\',
        '  open-webui serve --host 127.0.0.1',
      ].join('\n');
  }
}
