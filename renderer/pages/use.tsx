/** Page "Buy inference": the gateway's address, key and examples for any OpenAI client on this machine. */
import { type ReactNode, useState } from 'react';
import { Button } from 'react-aria-components';
import type { AgentState } from '../../shared/api/state.ts';
import { CopyBlock, CopyButton } from '../parts/copy.tsx';
import { Empty } from '../parts/empty.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { useStrings } from '../parts/strings.ts';
import { useSection } from '../store.ts';
import { Deposits } from './use-deposits.tsx';

type Gateway = NonNullable<AgentState['network']['gateway']>;

export function Use() {
  const { t } = useStrings();
  const { gateway } = useSection('network');
  return (
    <>
      <PageHead title={t('nav.use')} lead={t('use.lead')} />
      {gateway === null ? (
        <Empty title={t('use.none')}>
          <p>{t('use.noneNext')}</p>
        </Empty>
      ) : (
        <>
          <Access gateway={gateway} />
          <Examples gateway={gateway} />
          <Deposits />
          <section aria-labelledby="use-privacy">
            <h2 id="use-privacy">{t('use.privacy')}</h2>
            <p>{t('use.privacyText')}</p>
          </section>
        </>
      )}
    </>
  );
}

function Access({ gateway }: { gateway: Gateway }) {
  const { t } = useStrings();
  const { profile } = useSection('app');
  const [keyShown, setKeyShown] = useState(false);
  return (
    <section aria-labelledby="use-address">
      <h2 id="use-address">{t('use.where')}</h2>
      <dl className="pairs panel">
        <AccessRow name={t('use.baseUrl')} copied={gateway.baseUrl}>
          <code>{gateway.baseUrl}</code>
        </AccessRow>
        <AccessRow name={t('use.key')} copied={gateway.key}>
          <code>{keyShown ? gateway.key : '••••••••••••'}</code>{' '}
          <Button className="button is-small" onPress={() => setKeyShown(!keyShown)}>
            {t(keyShown ? 'common.hide' : 'common.show')}
          </Button>
        </AccessRow>
        <AccessRow name={t('use.model')} copied={gateway.model}>
          {gateway.model === null ? t('use.noModel') : <code>{gateway.model}</code>}
        </AccessRow>
      </dl>
      <p className="soft">{t(profile === 'practice' ? 'use.payPractice' : 'use.pay')}</p>
    </section>
  );
}

/** A named value with a button that copies it; `copied` is null if there is nothing to copy. */
function AccessRow(props: { name: string; copied: string | null; children: ReactNode }) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd className="identifier">
        {props.children}
        {props.copied === null ? null : (
          <>
            {' '}
            <CopyButton text={props.copied} label={props.name} />
          </>
        )}
      </dd>
    </div>
  );
}

function Examples({ gateway }: { gateway: Gateway }) {
  const { t } = useStrings();
  return (
    <section aria-labelledby="use-examples">
      <h2 id="use-examples">{t('use.examples')}</h2>
      <p className="soft">{t('use.examplesNote')}</p>
      <CopyBlock label={t('use.shellKey')} text={`export IDLEWATT_KEY='${t('use.keyPlace')}'`} />
      <CopyBlock label="curl" text={curlExample(gateway)} />
      <CopyBlock label={t('use.script')} text={scriptExample(gateway)} />
    </section>
  );
}

/** Placeholder in the examples while no provider offers a model. */
const NO_MODEL = 'MODEL';

function curlExample({ baseUrl, model }: Gateway): string {
  return [
    `curl ${baseUrl}/chat/completions \\`,
    `  -H "Authorization: Bearer $IDLEWATT_KEY" \\`,
    '  -H "Content-Type: application/json" \\',
    `  -d '{"model": "${model ?? NO_MODEL}", "messages": [{"role": "user", "content": "Say hello."}]}'`,
  ].join('\n');
}

function scriptExample({ baseUrl, model }: Gateway): string {
  return [
    "import OpenAI from 'openai';",
    '',
    `const client = new OpenAI({ baseURL: '${baseUrl}', apiKey: process.env.IDLEWATT_KEY });`,
    'const answer = await client.chat.completions.create({',
    `  model: '${model ?? NO_MODEL}',`,
    "  messages: [{ role: 'user', content: 'Say hello.' }],",
    '});',
    'console.log(answer.choices[0].message.content);',
  ].join('\n');
}
