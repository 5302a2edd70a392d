/**
 * Sends money in three steps: a form, a preview with every fact of the transaction, and a confirmation in the
 * desktop shell or the terminal. Nothing on this page can move money without that confirmation.
 */

import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Button } from 'react-aria-components/Button';
import { FieldError } from 'react-aria-components/FieldError';
import { Group } from 'react-aria-components/Group';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { TextField } from 'react-aria-components/TextField';
import type { PreparedSpend } from '../../shared/api/wallet.ts';
import type { Asset } from '../../shared/money.ts';
import { useAction } from '../calls.ts';
import { readAmount, shorten } from '../format.ts';
import { Amount, useAmountText, useUnitName } from '../parts/amount.tsx';
import { ActionButton, buttonClass } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Note } from '../parts/note.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Segments } from '../parts/segments.tsx';
import { Toggle } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { AddressField, ConfirmingNote, isAddress, NotSent } from '../parts/transfer.tsx';
import { agent, useSection } from '../store.ts';

interface Draft {
  readonly asset: 'token' | 'coin';
  readonly to: string;
  /** As typed. */
  readonly amount: string;
  readonly all: boolean;
  readonly smallTest: boolean;
}

const EMPTY: Draft = { asset: 'token', to: '', amount: '', all: false, smallTest: false };

/** `onDone` is called after a transfer was handed over and its note was closed. */
export function Send({ onDone }: { onDone: () => void }) {
  const { t } = useStrings();
  const { kind, address } = useSection('wallet');
  const [draft, setDraft] = useState(EMPTY);
  const [prepared, setPrepared] = useState<PreparedSpend | null>(null);
  if (address === null) return null;
  if (kind === 'watch-only') {
    return (
      <Note title={t('send.watchOnly')}>
        <p>{t('send.watchOnlyNext')}</p>
      </Note>
    );
  }
  return (
    <Card title={t('send.card')} isPadded>
      {prepared ? (
        <Preview
          key={prepared.id}
          spend={prepared}
          onBack={() => setPrepared(null)}
          onSent={() => {
            setDraft(EMPTY);
            setPrepared(null);
            onDone();
          }}
        />
      ) : (
        <SendForm draft={draft} onChange={setDraft} onPrepared={setPrepared} />
      )}
    </Card>
  );
}

interface FieldProps {
  readonly draft: Draft;
  readonly change: (patch: Partial<Draft>) => void;
}

function SendForm(props: {
  draft: Draft;
  onChange: (draft: Draft) => void;
  onPrepared: (spend: PreparedSpend) => void;
}) {
  const { t } = useStrings();
  const { draft } = props;
  const { asset, held } = useHolding(draft.asset);
  const change = (patch: Partial<Draft>) => props.onChange({ ...draft, ...patch });
  const prepare = useAction(async (amount: string) => {
    const { asset: which, to, smallTest } = draft;
    props.onPrepared(await agent.wallet.prepareSend({ asset: which, to: to.trim(), amount, smallTest }));
  });
  const { baseUnits, tooMuch } = readDraft(draft, asset, held);
  const ready = isAddress(draft.to) && baseUnits !== null && baseUnits !== '0' && !tooMuch;
  return (
    <form
      className="send-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready && baseUnits !== null) prepare.run(baseUnits);
      }}
    >
      <AssetField draft={draft} change={change} />
      <AddressField label={t('send.to')} value={draft.to} onChange={(to) => change({ to })} />
      <AmountInput draft={draft} change={change} />
      {draft.all && draft.asset === 'coin' ? <p className="soft">{t('send.allCoin')}</p> : null}
      <Toggle
        label={t('send.smallTest')}
        note={t('send.smallTestNote')}
        isSelected={draft.smallTest}
        onChange={(smallTest) => change({ smallTest })}
      />
      <p className="button-row">
        <Button
          className={buttonClass({ kind: 'primary' })}
          type="submit"
          isDisabled={!ready || prepare.busy}
        >
          {prepare.busy ? t('send.checking') : t('send.check')}
        </Button>
        <span className="soft">{t('send.checkNote')}</span>
      </p>
      <ProblemNote problem={prepare.problem} />
    </form>
  );
}

/** The asset to send and its balance; `held` is null if unknown. */
function useHolding(which: Draft['asset']): { asset: Asset; held: string | null } {
  const { asset, coin } = useSection('money');
  const { tokenBalance, coinBalance } = useSection('wallet');
  return which === 'token' ? { asset, held: tokenBalance } : { asset: coin, held: coinBalance };
}

/** Parses the typed amount; `baseUnits` is null if it isn't an amount. */
function readDraft(draft: Draft, asset: Asset, held: string | null) {
  const baseUnits = draft.all ? 'all' : readAmount(draft.amount, asset.decimals);
  const tooMuch =
    baseUnits !== null && baseUnits !== 'all' && held !== null && BigInt(baseUnits) > BigInt(held);
  return { baseUnits, tooMuch };
}

function AssetField({ draft, change }: FieldProps) {
  const { t } = useStrings();
  const { asset: token, coin } = useSection('money');
  const unitName = useUnitName();
  return (
    <Segments
      label={t('send.asset')}
      labelShown
      value={draft.asset}
      onChange={(which) => change({ asset: which, amount: '', all: false })}
      options={[
        { value: 'token', label: unitName(token) },
        { value: 'coin', label: unitName(coin) },
      ]}
    />
  );
}

function AmountInput({ draft, change }: FieldProps) {
  const { t } = useStrings();
  const { asset, held } = useHolding(draft.asset);
  const { baseUnits, tooMuch } = readDraft(draft, asset, held);
  const unit = useUnitName()(asset);
  return (
    <TextField
      className="field"
      value={draft.all ? t('send.everything') : draft.amount}
      isReadOnly={draft.all}
      onChange={(amount) => change({ amount, all: false })}
      isInvalid={(!draft.all && draft.amount.trim() !== '' && baseUnits === null) || tooMuch}
      inputMode="decimal"
      autoComplete="off"
    >
      <Label className="field-label">{t('send.amount')}</Label>
      <Group className="field-line">
        <Input className="input" />
        <span className="field-unit">{unit}</span>
        {draft.all ? (
          <ActionButton isSmall onPress={() => change({ all: false })}>
            {t('send.some')}
          </ActionButton>
        ) : (
          <ActionButton
            isSmall
            label={t('send.allLabel', { unit })}
            isDisabled={held === null}
            onPress={() => change({ all: true, amount: '' })}
          >
            {t('send.all')}
          </ActionButton>
        )}
      </Group>
      <FieldError className="field-error">
        {tooMuch ? t('send.tooMuch') : t('settings.badAmount', { count: asset.decimals })}
      </FieldError>
    </TextField>
  );
}

function Preview(props: { spend: PreparedSpend; onBack: () => void; onSent: () => void }) {
  const { t } = useStrings();
  const { spend } = props;
  const { asset } = useHolding(spend.asset);
  const amount = useAmountText()(spend.amount, asset);
  const send = useAction((_: null) => agent.wallet.requestSend({ id: spend.id }));
  const shown = useRef<HTMLDivElement>(null);
  // The preview replaces the form and is longer: scroll, so that its button is in view.
  useEffect(() => {
    // `void`, because newer browsers return a promise here and an effect must not return one.
    void shown.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  if (send.result) return <Sent amount={amount} hash={send.result.hash} onDone={props.onSent} />;
  return (
    <div className="send-preview" ref={shown}>
      <h3>{t(spend.smallTest ? 'send.previewTest' : 'send.preview')}</h3>
      <PreviewFacts spend={spend} asset={asset} />
      {spend.warnings.map((warning) => (
        <Note key={warning} tone="warning" role="status">
          {t(`send.warning.${warning}`)}
        </Note>
      ))}
      {send.busy ? <ConfirmingNote /> : null}
      <p className="button-row">
        <ActionButton kind="primary" isDisabled={send.busy} onPress={() => send.run(null)} autoFocus>
          {t('send.send', { amount })}
        </ActionButton>
        <ActionButton isDisabled={send.busy} onPress={props.onBack}>
          {t('send.change')}
        </ActionButton>
        {send.busy ? null : <span className="soft">{t('send.asksAgain')}</span>}
      </p>
      <NotSent problem={send.problem} />
    </div>
  );
}

function PreviewFacts({ spend, asset }: { spend: PreparedSpend; asset: Asset }) {
  const { t } = useStrings();
  const { coin } = useSection('money');
  const { networkName } = useSection('wallet');
  return (
    <dl className="kv">
      <Pair name={t('send.amount')}>
        <Amount baseUnits={spend.amount} asset={asset} isExact />
      </Pair>
      <Pair name={t('send.to')}>
        <code>{spend.to}</code>
      </Pair>
      <Pair name={t('send.network')}>{networkName}</Pair>
      <Pair name={t('send.fee')}>
        {t('send.atMost')} <Amount baseUnits={spend.fee} asset={coin} isExact />
      </Pair>
      <Pair name={t('send.total')}>
        {t('send.atMost')} <Amount baseUnits={spend.total} asset={asset} isExact />
        {spend.asset === 'token' ? (
          <>
            {' + '}
            <Amount baseUnits={spend.fee} asset={coin} isExact />
          </>
        ) : null}
      </Pair>
    </dl>
  );
}

function Pair({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="kv-row">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Sent({ amount, hash, onDone }: { amount: string; hash: string; onDone: () => void }) {
  const { t } = useStrings();
  return (
    <Note
      tone="info"
      role="status"
      title={t('send.handed', { amount })}
      action={
        <ActionButton onPress={onDone} autoFocus>
          {t('send.close')}
        </ActionButton>
      }
    >
      {t('send.handedNext')} <code>{shorten(hash, 10, 8)}</code>
    </Note>
  );
}
