/**
 * Sending: a form, then every fact that the transaction will have, then the shell's own question. Nothing on
 * this page can move money by itself.
 */
import { useEffect, useRef, useState } from 'react';
import { Button, FieldError, Group, Input, Label, Switch, TextField } from 'react-aria-components';
import type { PreparedSpend } from '../../shared/api/wallet.ts';
import { useAction } from '../calls.ts';
import { readAmount, shorten } from '../format.ts';
import { Amount, useAmountText } from '../parts/amount.tsx';
import { Choice } from '../parts/choice.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';

interface Draft {
  readonly asset: 'token' | 'coin';
  readonly to: string;
  /** As it was typed. */
  readonly amount: string;
  readonly all: boolean;
  readonly smallTest: boolean;
}

const EMPTY: Draft = { asset: 'token', to: '', amount: '', all: false, smallTest: false };
const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

export function Send() {
  const { t } = useStrings();
  const { kind, address } = useSection('wallet');
  const [draft, setDraft] = useState(EMPTY);
  const [prepared, setPrepared] = useState<PreparedSpend | null>(null);
  if (address === null) return null;
  return (
    <section aria-labelledby="wallet-send">
      <h2 id="wallet-send">{t('send.title')}</h2>
      {kind === 'watch-only' ? (
        <div className="panel">
          <p className="backup-state">{t('send.watchOnly')}</p>
          <p>{t('send.watchOnlyNext')}</p>
        </div>
      ) : prepared ? (
        <Preview
          key={prepared.id}
          spend={prepared}
          onBack={() => setPrepared(null)}
          onSent={() => {
            setDraft(EMPTY);
            setPrepared(null);
          }}
        />
      ) : (
        <SendForm draft={draft} onChange={setDraft} onPrepared={setPrepared} />
      )}
    </section>
  );
}

function SendForm(props: {
  draft: Draft;
  onChange: (draft: Draft) => void;
  onPrepared: (spend: PreparedSpend) => void;
}) {
  const { t } = useStrings();
  const { draft } = props;
  const { asset: token, coin } = useSection('money');
  const { tokenBalance, coinBalance } = useSection('wallet');
  const asset = draft.asset === 'token' ? token : coin;
  const held = draft.asset === 'token' ? tokenBalance : coinBalance;
  const change = (patch: Partial<Draft>) => props.onChange({ ...draft, ...patch });
  const prepare = useAction(async (amount: string) => {
    const { asset: which, to, smallTest } = draft;
    props.onPrepared(await agent.wallet.prepareSend({ asset: which, to: to.trim(), amount, smallTest }));
  });

  const baseUnits = draft.all ? 'all' : readAmount(draft.amount, asset.decimals);
  const tooMuch =
    baseUnits !== null && baseUnits !== 'all' && held !== null && BigInt(baseUnits) > BigInt(held);
  const isAddress = ADDRESS.test(draft.to.trim());
  const ready = isAddress && baseUnits !== null && baseUnits !== '0' && !tooMuch;
  const unit = asset.practice ? t('money.practiceUnit', { symbol: asset.symbol }) : asset.symbol;
  const nameOf = (each: typeof asset) =>
    each.practice ? t('money.practiceUnit', { symbol: each.symbol }) : each.symbol;
  return (
    <form
      className="panel send-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready && baseUnits !== null) prepare.run(baseUnits);
      }}
    >
      <Choice
        label={t('send.asset')}
        labelShown
        value={draft.asset}
        onChange={(which) => change({ asset: which, amount: '', all: false })}
        options={[
          { value: 'token', label: nameOf(token) },
          { value: 'coin', label: nameOf(coin) },
        ]}
      />
      <TextField
        className="field"
        value={draft.to}
        onChange={(to) => change({ to })}
        isInvalid={draft.to.trim() !== '' && !isAddress}
        autoComplete="off"
        spellCheck="false"
      >
        <Label className="field-label">{t('send.to')}</Label>
        <Input className="input is-address" placeholder="0x…" />
        <FieldError className="field-error">{t('send.badAddress')}</FieldError>
      </TextField>
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
            <Button className="button is-small" onPress={() => change({ all: false })}>
              {t('send.some')}
            </Button>
          ) : (
            <Button
              className="button is-small"
              aria-label={t('send.allLabel', { unit })}
              isDisabled={held === null}
              onPress={() => change({ all: true, amount: '' })}
            >
              {t('send.all')}
            </Button>
          )}
        </Group>
        <FieldError className="field-error">
          {tooMuch ? t('send.tooMuch') : t('settings.badAmount', { count: asset.decimals })}
        </FieldError>
      </TextField>
      {draft.all && draft.asset === 'coin' ? <p className="soft">{t('send.allCoin')}</p> : null}
      <div>
        <Switch
          className="switch"
          isSelected={draft.smallTest}
          onChange={(smallTest) => change({ smallTest })}
        >
          <svg className="switch-track" viewBox="0 0 36 20" aria-hidden="true">
            <rect x="1" y="1" width="34" height="18" rx="9" />
            <circle cx={draft.smallTest ? 26 : 10} cy="10" r="6" />
          </svg>
          {t('send.smallTest')}
        </Switch>
        <p className="soft field-note">{t('send.smallTestNote')}</p>
      </div>
      <p className="button-row">
        <Button className="button is-main" type="submit" isDisabled={!ready || prepare.busy}>
          {prepare.busy ? t('send.checking') : t('send.check')}
        </Button>
        <span className="soft">{t('send.checkNote')}</span>
      </p>
      <ProblemNote problem={prepare.problem} />
    </form>
  );
}

function Preview(props: { spend: PreparedSpend; onBack: () => void; onSent: () => void }) {
  const { t } = useStrings();
  const { spend } = props;
  const { asset: token, coin } = useSection('money');
  const { networkName } = useSection('wallet');
  const { host } = useSection('app');
  const amountText = useAmountText();
  const asset = spend.asset === 'token' ? token : coin;
  const amount = amountText(spend.amount, asset);
  const send = useAction((_: null) => agent.wallet.requestSend({ id: spend.id }));
  const shown = useRef<HTMLDivElement>(null);
  // It takes the form's place and is longer: its button must not be out of sight.
  useEffect(() => {
    // Newer browsers return a promise here, which is no way to end an effect.
    void shown.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  if (send.result) {
    return (
      <div className="note is-info" role="status">
        <p className="note-title">{t('send.handed', { amount })}</p>
        <p>
          {t('send.handedNext')} <code>{shorten(send.result.hash, 10, 8)}</code>
        </p>
        <p className="button-row">
          <Button className="button" onPress={props.onSent} autoFocus>
            {t('send.another')}
          </Button>
        </p>
      </div>
    );
  }
  return (
    <div className="panel send-preview" ref={shown}>
      <h3>{t(spend.smallTest ? 'send.previewTest' : 'send.preview')}</h3>
      <dl className="pairs">
        <div>
          <dt>{t('send.amount')}</dt>
          <dd>
            <Amount baseUnits={spend.amount} asset={asset} isExact />
          </dd>
        </div>
        <div>
          <dt>{t('send.to')}</dt>
          <dd>
            <code>{spend.to}</code>
          </dd>
        </div>
        <div>
          <dt>{t('send.network')}</dt>
          <dd>{networkName}</dd>
        </div>
        <div>
          <dt>{t('send.fee')}</dt>
          <dd>
            {t('send.atMost')} <Amount baseUnits={spend.fee} asset={coin} isExact />
          </dd>
        </div>
        <div>
          <dt>{t('send.total')}</dt>
          <dd>
            {t('send.atMost')} <Amount baseUnits={spend.total} asset={asset} isExact />
            {spend.asset === 'token' ? (
              <>
                {' + '}
                <Amount baseUnits={spend.fee} asset={coin} isExact />
              </>
            ) : null}
          </dd>
        </div>
      </dl>
      {spend.warnings.map((warning) => (
        <div key={warning} className="note is-warning" role="status">
          <p>{t(`send.warning.${warning}`)}</p>
        </div>
      ))}
      {send.busy ? (
        <div className="note is-info" role="status">
          <p className="note-title">{t('send.confirming')}</p>
          <p>{t(host === 'desktop' ? 'send.confirmDesktop' : 'send.confirmTerminal')}</p>
        </div>
      ) : null}
      <p className="button-row">
        <Button className="button is-main" isDisabled={send.busy} onPress={() => send.run(null)} autoFocus>
          {t('send.send', { amount })}
        </Button>
        <Button className="button" isDisabled={send.busy} onPress={props.onBack}>
          {t('send.change')}
        </Button>
        {send.busy ? null : <span className="soft">{t('send.asksAgain')}</span>}
      </p>
      {send.problem?.code === 'not-permitted' ? (
        <div className="note is-info" role="alert">
          <p className="note-title">{t('send.declined')}</p>
          <p>{t('send.declinedNext')}</p>
        </div>
      ) : (
        <ProblemNote problem={send.problem} />
      )}
    </div>
  );
}
