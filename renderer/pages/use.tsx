/** Use the network: the other side of the market, for any OpenAI client on this machine. */
import { useState } from 'react';
import { Button } from 'react-aria-components';
import { CopyBlock, CopyButton } from '../parts/copy.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty } from '../parts/problem.tsx';
import { useStrings } from '../parts/strings.ts';
import { useSection } from '../store.ts';

export function Use() {
  const { t } = useStrings();
  const { gateway } = useSection('network');
  const { profile } = useSection('app');
  const [keyShown, setKeyShown] = useState(false);
  if (gateway === null) {
    return (
      <>
        <PageHead title={t('nav.use')} lead={t('use.lead')} />
        <Empty title={t('use.none')}>
          <p>{t('use.noneNext')}</p>
        </Empty>
      </>
    );
  }
  const model = gateway.model ?? 'MODEL';
  const curl = [
    `curl ${gateway.baseUrl}/chat/completions \\`,
    `  -H "Authorization: Bearer $IDLEWATT_KEY" \\`,
    '  -H "Content-Type: application/json" \\',
    `  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Say hello."}]}'`,
  ].join('\n');
  const script = [
    "import OpenAI from 'openai';",
    '',
    `const client = new OpenAI({ baseURL: '${gateway.baseUrl}', apiKey: process.env.IDLEWATT_KEY });`,
    'const answer = await client.chat.completions.create({',
    `  model: '${model}',`,
    "  messages: [{ role: 'user', content: 'Say hello.' }],",
    '});',
    'console.log(answer.choices[0].message.content);',
  ].join('\n');
  return (
    <>
      <PageHead title={t('nav.use')} lead={t('use.lead')} />
      <section aria-labelledby="use-address">
        <h2 id="use-address">{t('use.where')}</h2>
        <dl className="pairs panel">
          <div>
            <dt>{t('use.baseUrl')}</dt>
            <dd className="identifier">
              <code>{gateway.baseUrl}</code> <CopyButton text={gateway.baseUrl} label={t('use.baseUrl')} />
            </dd>
          </div>
          <div>
            <dt>{t('use.key')}</dt>
            <dd className="identifier">
              <code>{keyShown ? gateway.key : '••••••••••••'}</code>{' '}
              <Button className="button is-small" onPress={() => setKeyShown(!keyShown)}>
                {t(keyShown ? 'common.hide' : 'common.show')}
              </Button>{' '}
              <CopyButton text={gateway.key} label={t('use.key')} />
            </dd>
          </div>
          <div>
            <dt>{t('use.model')}</dt>
            <dd className="identifier">
              {gateway.model === null ? (
                t('use.noModel')
              ) : (
                <>
                  <code>{gateway.model}</code> <CopyButton text={gateway.model} label={t('use.model')} />
                </>
              )}
            </dd>
          </div>
        </dl>
        <p className="soft">{t(profile === 'practice' ? 'use.payPractice' : 'use.pay')}</p>
      </section>
      <section aria-labelledby="use-examples">
        <h2 id="use-examples">{t('use.examples')}</h2>
        <p className="soft">{t('use.examplesNote')}</p>
        <CopyBlock label={t('use.shellKey')} text={`export IDLEWATT_KEY='${t('use.keyPlace')}'`} />
        <CopyBlock label="curl" text={curl} />
        <CopyBlock label={t('use.script')} text={script} />
      </section>
      <section aria-labelledby="use-privacy">
        <h2 id="use-privacy">{t('use.privacy')}</h2>
        <p>{t('use.privacyText')}</p>
      </section>
    </>
  );
}
