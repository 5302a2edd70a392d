/** Examples of using the gateway, shown on a page and run by a test. They read the key from the environment. */

export const EXAMPLES = ['curl', 'python', 'javascript'] as const;
export type Example = (typeof EXAMPLES)[number];

export interface ExampleTarget {
  readonly baseUrl: string;
  readonly model: string;
}

const QUESTION = 'Say hello.';

/** They need nothing but curl, Python 3 or Node: no client library is assumed. */
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
  }
}
