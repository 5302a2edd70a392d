/** Page "Buy inference": address, key and examples for any OpenAI client, what was spent and where, and prices now. */
import { useState } from 'react';
import type { BuyingOverview } from '../../shared/api/buying.ts';
import type { AgentState } from '../../shared/api/state.ts';
import { ALL_EXAMPLES, type Example, exampleText } from '../../shared/examples.ts';
import { useAction, useAnswer } from '../calls.ts';
import { shorten, writeDuration, writeMeasured, writeNumber, writePercent } from '../format.ts';
import { Amount, ExactAmount, useMoneyText } from '../parts/amount.tsx';
import { ActionLink, IconButton } from '../parts/button.tsx';
import { Card, Columns } from '../parts/card.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { Empty } from '../parts/empty.tsx';
import { Fact, Unknown } from '../parts/fact.tsx';
import { Meter } from '../parts/meter.tsx';
import { Note } from '../parts/note.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { Segments } from '../parts/segments.tsx';
import { HeadSwitch } from '../parts/setting.tsx';
import { useModelName, useStrings } from '../parts/strings.ts';
import { type Column, Table } from '../parts/table.tsx';
import { hrefTo } from '../route.ts';
import { agent, useSection } from '../store.ts';
import { Batches } from './use-batches.tsx';
import { Deposits } from './use-deposits.tsx';
import { Exceptions } from './use-exceptions.tsx';
import { Keys } from './use-keys.tsx';

type Gateway = NonNullable<AgentState['network']['gateway']>;

/** Placeholder in the examples while no provider offers a model. */
const NO_MODEL = 'MODEL';

export function Use() {
  const { t } = useStrings();
  const { gateway } = useSection('network');
  const { profile } = useSection('app');
  const spending = useSpendingKey();
  const overview = useAnswer(spending, () => agent.buying.overview({ period: 'month' }));
  const [model, setModel] = useState<string | null>(null);
  if (gateway === null) {
    return (
      <>
        <PageHead title={t('nav.use')} lead={t('use.lead')} />
        <Card label={t('use.where')}>
          <Empty title={t('use.none')}>
            <p>{t('use.noneNext')}</p>
          </Empty>
        </Card>
      </>
    );
  }
  const offers = overview.data?.offers ?? [];
  const chosen = model ?? gateway.model ?? offers[0]?.model ?? null;
  return (
    <>
      <PageHead title={t('nav.use')} lead={t('use.lead')}>
        <GatewaySwitch />
      </PageHead>
      <ProblemNote problem={overview.problem} />
      <PortNote gateway={gateway} />
      {profile === 'practice' ? <Note tone="practice">{t('use.payPractice')}</Note> : null}
      <Columns kind="wide">
        <Access gateway={gateway} model={chosen} offers={offers} onModel={setModel} />
        <Spent overview={overview.data} />
      </Columns>
      <Prices overview={overview.data} />
      <Batches />
      <Columns>
        <Where overview={overview.data} />
        <Deposits />
      </Columns>
      <Columns>
        <Keys spending={`${spending}|${gateway.key}`} />
        <Exceptions />
      </Columns>
      <Note title={t('use.privacy')}>{t('use.privacyText')}</Note>
    </>
  );
}

/** Takes effect immediately: the port opens or closes. */
function GatewaySwitch() {
  const { t } = useStrings();
  const { gatewayOn } = useSection('settings');
  const change = useAction((on: boolean) => agent.settings.change({ gatewayOn: on }));
  return (
    <>
      <ProblemNote problem={change.problem} />
      <HeadSwitch
        label={t(gatewayOn ? 'use.on' : 'use.off')}
        accessibleLabel={t('use.switch')}
        isSelected={gatewayOn}
        onChange={change.run}
      />
    </>
  );
}

/** Says what it means that the port isn't open; nothing while it is. */
function PortNote({ gateway: { port, baseUrl } }: { gateway: Gateway }) {
  const { t } = useStrings();
  if (port === 'open') return null;
  return port === 'closed' ? (
    <Note title={t('use.closed')} role="status">
      {t('use.closedText')}
    </Note>
  ) : (
    <Note tone="error" title={t('use.inUse')} role="alert">
      {t('use.inUseText', { port: new URL(baseUrl).port })}
    </Note>
  );
}

/** Changes when something is bought, or when offers may have changed. */
function useSpendingKey(): string {
  const { peers } = useSection('network');
  const { jobsToday } = useSection('work');
  const { tokenBalance } = useSection('wallet');
  return [peers.length, jobsToday.served, tokenBalance].join('|');
}

function Access(props: {
  gateway: Gateway;
  model: string | null;
  offers: BuyingOverview['offers'];
  onModel: (model: string) => void;
}) {
  const { t } = useStrings();
  const { gateway, model, offers } = props;
  const [isKeyShown, setKeyShown] = useState(false);
  const [example, setExample] = useState<Example>('curl');
  const text = exampleText(example, { baseUrl: gateway.baseUrl, model: model ?? NO_MODEL });
  return (
    <Card label={t('use.where')}>
      <div className="use-lines">
        <div className="copyline">
          <span className="label">{t('use.baseUrl')}</span>
          <code className="url">{gateway.baseUrl}</code>
          <CopyButton text={gateway.baseUrl} label={t('use.baseUrl')} />
        </div>
        <div className="copyline">
          <span className="label">{t('use.key')}</span>
          <code>{isKeyShown ? gateway.key : `${gateway.key.slice(0, 3)}••••••••••••`}</code>
          <IconButton
            icon="eye"
            label={t(isKeyShown ? 'use.hideKey' : 'use.showKey')}
            onPress={() => setKeyShown(!isKeyShown)}
          />
          <CopyButton text={gateway.key} label={t('use.key')} />
        </div>
        <div className="copyline">
          <span className="label" id="use-model">
            {t('use.model')}
          </span>
          <ModelChoice {...props} />
          {model === null ? null : <CopyButton text={model} label={t('use.model')} />}
        </div>
      </div>
      <div className="tabs-row">
        <Segments
          label={t('use.examples')}
          value={example}
          onChange={setExample}
          options={ALL_EXAMPLES.map((value) => ({ value, label: t(`use.example.${value}`) }))}
        />
        <CopyButton text={text} label={t(`use.example.${example}`)} />
      </div>
      <WhereTheKeyGoes example={example} />
      <div className="codebox">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling area must be reachable by keyboard */}
        <pre tabIndex={0}>{text}</pre>
      </div>
      {offers.length === 0 ? <p className="use-env sm soft">{t('use.noOffers')}</p> : null}
    </Card>
  );
}

function WhereTheKeyGoes({ example }: { example: Example }) {
  const { t } = useStrings();
  const place = `IDLEWATT_KEY='${t('use.keyPlace')}'`;
  return (
    <p className="use-env sm soft">
      {example === 'continue' ? (
        <>
          {t('use.continueFiles')} <code>{place}</code>
        </>
      ) : (
        <>
          {t('use.keyFirst')} <code>{`export ${place}`}</code>
        </>
      )}
      {example === 'open-webui' ? ` ${t('use.openWebuiFirst')}` : null}
    </p>
  );
}

function ModelChoice(props: {
  model: string | null;
  offers: BuyingOverview['offers'];
  onModel: (model: string) => void;
}) {
  const { t } = useStrings();
  const { model, offers } = props;
  const offer = offers.find((each) => each.model === model);
  if (model === null) return <span className="grow">{t('use.noModel')}</span>;
  return (
    <>
      <span className="use-model">
        {offers.length > 1 ? (
          <select
            className="select"
            aria-labelledby="use-model"
            value={model}
            onChange={(event) => props.onModel(event.target.value)}
          >
            {[...new Set([model, ...offers.map((each) => each.model)])].map((id) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
        ) : (
          <code>{model}</code>
        )}
      </span>
      <span className="sm soft opt">{t('use.providers', { count: offer?.providers ?? 0 })}</span>
    </>
  );
}

/** Shows the amount spent and the used part of the daily limit. */
function Spent({ overview }: { overview: BuyingOverview | null }) {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const settings = useSection('settings');
  const moneyText = useMoneyText();
  const total = sum((overview?.models ?? []).map(({ spent }) => spent));
  const answers = (overview?.models ?? []).reduce((count, { jobs }) => count + jobs, 0);
  const dayMax = BigInt(settings.buyDayMax);
  const used = dayMax === 0n ? 1 : Number(overview?.spentDay ?? '0') / Number(dayMax);
  return (
    <Card label={t('use.spent')} isPadded className="use-spent">
      <div>
        <h2 className="label">{t('use.spent')}</h2>
        <p className="earnings-hero">
          <Amount baseUnits={overview === null ? null : total} asset={asset} size="hero" />
        </p>
        <p className="sm soft">
          {overview === null ? null : <ExactAmount baseUnits={total} asset={asset} />}
          {' · '}
          {t('use.answers', { count: answers, written: writeNumber(answers, language) })}
        </p>
      </div>
      <div>
        <Meter
          isBig
          parts={[{ share: used, kind: used > 0.9 ? 'warning' : 'plain' }]}
          isPractice={asset.practice}
        />
        <div className="day-axis">
          <span>{t('use.ofBudget', { percent: writePercent(used * 100, language) })}</span>
          <span>{moneyText(settings.buyDayMax, asset)}</span>
        </div>
      </div>
      <dl className="kv use-limits">
        <div className="kv-row">
          <dt>{t('use.perDay')}</dt>
          <dd>
            <LimitLink>{moneyText(settings.buyDayMax, asset)}</LimitLink>
          </dd>
        </div>
        <div className="kv-row">
          <dt>{t('use.perAnswer')}</dt>
          <dd>
            <LimitLink>{moneyText(settings.buyRequestMax, asset)}</LimitLink>
          </dd>
        </div>
        <div className="kv-row">
          <dt>{t('use.deposited')}</dt>
          <dd>
            <Amount baseUnits={overview?.deposited ?? null} asset={asset} about={t('use.depositedWhat')} />
          </dd>
        </div>
      </dl>
    </Card>
  );
}

/** A limit, which leads to where it is changed. */
function LimitLink({ children }: { children: string }) {
  const { t } = useStrings();
  return (
    <ActionLink isSmall href={hrefTo('settings', 'buying')}>
      {children}
      <span className="for-readers"> {t('use.changeLimits')}</span>
    </ActionLink>
  );
}

function Prices({ overview }: { overview: BuyingOverview | null }) {
  const { t } = useStrings();
  const columns = usePriceColumns(overview);
  const offers = overview?.offers ?? [];
  return (
    <Card title={t('use.prices')} aside={<span className="sm soft">{t('use.pricesNote')}</span>}>
      {offers.length === 0 ? (
        <Empty title={t('use.noPrices')}>
          <p>{t('use.noPricesNext')}</p>
        </Empty>
      ) : (
        <Table label={t('use.prices')} columns={columns} rows={offers} rowKey={({ model }) => model} />
      )}
    </Card>
  );
}

function usePriceColumns(
  overview: BuyingOverview | null,
): readonly Column<BuyingOverview['offers'][number]>[] {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const modelName = useModelName();
  const spentOn = (id: string) => overview?.models.find(({ model }) => model === id)?.spent ?? '0';
  const price = (baseUnits: string) => <Amount baseUnits={baseUnits} asset={asset} />;
  return [
    { key: 'model', head: t('jobs.column.model'), fold: 1, cell: (row) => modelName(row.model) },
    {
      key: 'input',
      head: t('use.input'),
      isNumber: true,
      fold: 3,
      cell: (row) => price(row.inputPerMillion),
    },
    {
      key: 'output',
      head: t('use.output'),
      isNumber: true,
      fold: 4,
      cell: (row) => price(row.outputPerMillion),
    },
    {
      key: 'first',
      head: t('use.firstWord'),
      isNumber: true,
      isOptional: true,
      cell: ({ firstTokenMs, firstTokens }) =>
        firstTokenMs === null ? (
          <Unknown about={t('use.noFirstWord')} />
        ) : (
          <Fact about={t('use.firstWordWhat', { count: firstTokens })}>
            {writeDuration(firstTokenMs, language)}
          </Fact>
        ),
    },
    {
      key: 'speed',
      head: t('job.speed'),
      isNumber: true,
      isOptional: true,
      cell: (row) =>
        row.decodeTokensPerSecond === null ? (
          <Unknown about={t('use.noSpeed')} />
        ) : (
          t('speed.perSecond', { speed: writeMeasured(row.decodeTokensPerSecond, language) })
        ),
    },
    {
      key: 'providers',
      head: t('use.providersHead'),
      isNumber: true,
      isOptional: true,
      cell: (row) => writeNumber(row.providers, language),
    },
    {
      key: 'spent',
      head: t('use.youSpent'),
      isNumber: true,
      fold: 2,
      cell: (row) => <Amount baseUnits={spentOn(row.model)} asset={asset} />,
    },
  ];
}

/** Lists the paid providers, and the rule by which a provider is chosen. */
function Where({ overview }: { overview: BuyingOverview | null }) {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const own = useSection('network').peer;
  const providers = overview?.providers ?? [];
  return (
    <Card title={t('use.whereSpent')}>
      {providers.length === 0 ? (
        <Empty title={t('use.nothingSpent')}>
          <p>{t('use.nothingSpentNext')}</p>
        </Empty>
      ) : (
        <Rows>
          {providers.slice(0, 8).map((row) => (
            <Row
              key={row.peer}
              title={
                row.peer === own ? (
                  t('use.yourOwn')
                ) : (
                  <Fact about={row.peer}>
                    <code>{shorten(row.peer, 6, 6)}</code>
                  </Fact>
                )
              }
              note={t('use.answers', { count: row.jobs, written: writeNumber(row.jobs, language) })}
              end={<Amount baseUnits={row.spent} asset={asset} />}
            />
          ))}
        </Rows>
      )}
      <p className="use-why sm soft">{t('use.why')}</p>
    </Card>
  );
}

function sum(values: readonly string[]): string {
  return values.reduce((total, value) => total + BigInt(value), 0n).toString();
}
