/** Page "Buy inference": the gateway's API keys with what each may spend; a new one's secret is shown once. */
import { type ReactNode, useState } from 'react';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { TextField } from 'react-aria-components/TextField';
import {
  type GatewayKey,
  KEY_LIMITS_MAX,
  type KeyLimits,
  keyLimitsSchema,
  type NewKey,
  NO_KEY_LIMITS,
  newKeySchema,
} from '../../shared/gateway-keys.ts';
import { useAction, useAnswer } from '../calls.ts';
import { writeMoment } from '../format.ts';
import { AddedKey } from '../parts/added-key.tsx';
import { useMoneyText, useUnitName } from '../parts/amount.tsx';
import { ActionButton, buttonClass } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Pick } from '../parts/pick.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { AmountField, Count } from '../parts/setting.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';

const DAY_MS = 86_400_000;
/** Days from now for which a key works. */
const VALIDITY = { none: null, week: 7, month: 30, quarter: 90, year: 365 } as const;
/** `same`: until the time that the key has already. */
type Validity = keyof typeof VALIDITY | 'same';
const VALIDITIES = Object.keys(VALIDITY) as Exclude<Validity, 'same'>[];

/** `spending` changes when something is bought. */
export function Keys({ spending }: { spending: string }) {
  const { t } = useStrings();
  const [isAdding, setAdding] = useState(false);
  const { data, problem, reload } = useAnswer(`keys|${spending}`, () => agent.keys.list({}));
  const revoke = useAction(async (id: string) => {
    await agent.keys.revoke({ id });
    reload();
  });
  const change = useAction(async (changed: { id: string; limits: KeyLimits }) => {
    await agent.keys.change(changed);
    reload();
  });
  const add = useAction(async (wanted: NewKey) => {
    const added = await agent.keys.add(wanted);
    setAdding(false);
    reload();
    return added;
  });
  return (
    <Card title={t('keys.title')}>
      <p className="use-why sm soft">{t('keys.note')}</p>
      <ProblemNote problem={problem ?? add.problem ?? change.problem ?? revoke.problem} />
      {add.result ? <AddedKey name={add.result.key.name} secret={add.result.secret} /> : null}
      <Rows>
        {(data?.keys ?? []).map((key) => (
          <KeyRow
            key={key.id}
            gatewayKey={key}
            isBusy={revoke.busy || change.busy}
            onChange={(limits) => change.run({ id: key.id, limits })}
            onRevoke={() => revoke.run(key.id)}
          />
        ))}
      </Rows>
      {isAdding ? (
        <KeyForm
          legend={t('keys.add')}
          act={t('keys.create')}
          isNew
          before={{ ...NO_KEY_LIMITS, name: '' }}
          isBusy={add.busy}
          onDone={add.run}
          onCancel={() => setAdding(false)}
        />
      ) : (
        <p className="use-why">
          <ActionButton isSmall onPress={() => setAdding(true)}>
            {t('keys.add')}
          </ActionButton>
        </p>
      )}
    </Card>
  );
}

function KeyRow(props: {
  gatewayKey: GatewayKey;
  isBusy: boolean;
  onChange: (limits: KeyLimits) => void;
  onRevoke: () => void;
}) {
  const { t } = useStrings();
  const [isChanging, setChanging] = useState(false);
  const { gatewayKey, isBusy } = props;
  const title = gatewayKey.isOwn ? t('keys.own') : gatewayKey.name;
  const change = ({ name: _, ...limits }: NewKey) => {
    setChanging(false);
    props.onChange(limits);
  };
  return (
    <>
      <Row
        title={title}
        note={useKeyFacts(gatewayKey).join(' · ')}
        end={
          <span className="row-acts">
            {gatewayKey.isOwn ? null : (
              <ActionButton
                isSmall
                label={t('keys.changeOf', { name: title })}
                isDisabled={isBusy || isChanging}
                onPress={() => setChanging(true)}
              >
                {t('keys.change')}
              </ActionButton>
            )}
            <RevokeButton title={title} isOwn={gatewayKey.isOwn} isBusy={isBusy} onRevoke={props.onRevoke} />
          </span>
        }
      />
      {isChanging ? (
        <li>
          <KeyForm
            legend={t('keys.changeOf', { name: title })}
            act={t('keys.save')}
            before={{ ...keyLimitsSchema.parse(gatewayKey), name: gatewayKey.name }}
            isBusy={isBusy}
            onDone={change}
            onCancel={() => setChanging(false)}
          />
        </li>
      ) : null}
    </>
  );
}

function RevokeButton(props: { title: string; isOwn: boolean; isBusy: boolean; onRevoke: () => void }) {
  const { t } = useStrings();
  const { title, isOwn, isBusy, onRevoke } = props;
  return (
    <Confirm
      button={t('keys.revoke')}
      buttonLabel={t('keys.revokeOf', { name: title })}
      className={buttonClass({ isSmall: true })}
      isDisabled={isBusy}
      title={t('keys.revokeAsk', { name: title })}
      act={t('keys.revoke')}
      isDanger
      onAct={onRevoke}
    >
      <p>{t(isOwn ? 'keys.revokeOwnText' : 'keys.revokeText')}</p>
    </Confirm>
  );
}

/** Describes a key's spending and limits in short texts. */
function useKeyFacts(key: GatewayKey): readonly string[] {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const moneyText = useMoneyText();
  const limited = (spent: string, max: string | null) =>
    max === null
      ? moneyText(spent, asset)
      : t('keys.of', { spent: moneyText(spent, asset), max: moneyText(max, asset) });
  const nowMs = useNow(60_000);
  const time = (atMs: number) => writeMoment(atMs, nowMs, language);
  const { expiresAtMs, requestsPerMinuteMax, concurrentMax, lastUsedAtMs } = key;
  const isExpired = expiresAtMs !== null && expiresAtMs <= nowMs;
  return [
    t('keys.day', { amount: limited(key.spentDay, key.dayMax) }),
    t('keys.total', { amount: limited(key.spentTotal, key.totalMax) }),
    expiresAtMs === null ? null : t(isExpired ? 'keys.expired' : 'keys.expires', { time: time(expiresAtMs) }),
    requestsPerMinuteMax === null ? null : t('keys.perMinute', { count: requestsPerMinuteMax }),
    concurrentMax === null ? null : t('keys.concurrent', { count: concurrentMax }),
    lastUsedAtMs === null ? t('keys.unused') : t('keys.used', { time: time(lastUsedAtMs) }),
  ].filter((fact) => fact !== null);
}

interface KeyFormProps {
  readonly legend: string;
  /** Label of the button that ends it. */
  readonly act: string;
  /** Asks for a name. */
  readonly isNew?: boolean;
  readonly before: NewKey;
  readonly isBusy: boolean;
  readonly onDone: (wanted: NewKey) => void;
  readonly onCancel: () => void;
}

function KeyForm({ legend, act, isNew = false, before, isBusy, onDone, onCancel }: KeyFormProps) {
  const { t } = useStrings();
  const [wanted, setWanted] = useState(before);
  const first: Validity = before.expiresAtMs === null ? 'none' : 'same';
  const [validity, setValidity] = useState<Validity>(first);
  const change = (patch: Partial<NewKey>) => setWanted((known) => ({ ...known, ...patch }));
  const isReady = newKeySchema.safeParse(wanted).success;
  const done = () => {
    const days = validity === 'same' ? null : VALIDITY[validity];
    const later = days === null ? null : Date.now() + days * DAY_MS;
    onDone({ ...wanted, expiresAtMs: validity === 'same' ? before.expiresAtMs : later });
  };
  return (
    <fieldset className="settings-fields rows">
      <legend className="for-readers">{legend}</legend>
      {isNew ? (
        <TextField
          className="row-line field-row"
          value={wanted.name}
          onChange={(name) => change({ name })}
          maxLength={60}
          autoFocus
        >
          <Label className="grow">{t('keys.name')}</Label>
          <Input className="input" />
        </TextField>
      ) : null}
      <LimitFields wanted={wanted} onChange={change}>
        <Pick
          label={t('keys.validity')}
          value={validity}
          options={[...(first === 'same' ? ([first] as const) : []), ...VALIDITIES].map((value) => ({
            value,
            label: t(`keys.valid.${value}`),
          }))}
          onChange={setValidity}
        />
      </LimitFields>
      <p className="button-row">
        <ActionButton isSmall kind="primary" isDisabled={isBusy || !isReady} onPress={done}>
          {act}
        </ActionButton>
        <ActionButton isSmall onPress={onCancel}>
          {t('common.cancel')}
        </ActionButton>
      </p>
    </fieldset>
  );
}

/** `children` come between the budgets and the limits of requests. */
function LimitFields(props: {
  wanted: NewKey;
  onChange: (patch: Partial<NewKey>) => void;
  children: ReactNode;
}) {
  const { t } = useStrings();
  const { asset } = useSection('money');
  const unit = useUnitName()(asset);
  const { wanted, onChange } = props;
  return (
    <>
      {(['dayMax', 'totalMax'] as const).map((name) => (
        <AmountField
          key={name}
          label={t(`keys.${name}`)}
          unit={unit}
          decimals={asset.decimals}
          isOptional
          value={wanted[name]}
          onCommit={(units) => onChange({ [name]: units })}
        />
      ))}
      {props.children}
      <Count
        label={t('keys.requestsPerMinuteMax')}
        unit={t('keys.perMinuteUnit')}
        minimum={1}
        maximum={KEY_LIMITS_MAX.requestsPerMinute}
        isOptional
        value={wanted.requestsPerMinuteMax}
        onCommit={(requestsPerMinuteMax) => onChange({ requestsPerMinuteMax })}
      />
      <Count
        label={t('keys.concurrentMax')}
        unit={t('keys.concurrentUnit')}
        minimum={1}
        maximum={KEY_LIMITS_MAX.concurrent}
        isOptional
        value={wanted.concurrentMax}
        onCommit={(concurrentMax) => onChange({ concurrentMax })}
      />
    </>
  );
}
