/** Job sources page: the customers of the storefront, their balances and payouts; a new key is shown once. */
import { type ReactNode, useState } from 'react';
import { FieldError } from 'react-aria-components/FieldError';
import { Group } from 'react-aria-components/Group';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { TextField } from 'react-aria-components/TextField';
import {
  CUSTOMER_NAME_CHARACTERS_MAX,
  type ListedCustomer,
  type ListedPayer,
} from '../../shared/customers.ts';
import { type Action, useAction, useAnswer } from '../calls.ts';
import { readAmount, shorten, writeMoment } from '../format.ts';
import { AddedKey } from '../parts/added-key.tsx';
import { Amount, useMoneyText } from '../parts/amount.tsx';
import { ActionButton, buttonClass } from '../parts/button.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Note } from '../parts/note.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { Part } from '../parts/setting.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { Tag } from '../parts/tag.tsx';
import { AddressField, ConfirmingNote, isAddress, NotSent } from '../parts/transfer.tsx';
import { agent, useSection } from '../store.ts';

/** Nothing while the storefront is closed: only an open one has its customers. */
export function Customers() {
  const { state } = useSection('storefront');
  return state === 'open' ? <CustomersCard /> : null;
}

function CustomersCard() {
  const { t } = useStrings();
  const { earnedTotal } = useSection('money');
  const { tokenBalance } = useSection('wallet');
  const [isAdding, setAdding] = useState(false);
  const list = useAnswer(`${earnedTotal}|${tokenBalance}`, () => agent.storefront.customers({}));
  const add = useAction(async (name: string) => {
    const added = await agent.storefront.addCustomer({ name });
    setAdding(false);
    list.reload();
    return added;
  });
  const revoke = useAction(async (id: string) => {
    await agent.storefront.revokeCustomer({ id });
    list.reload();
  });
  const { customers = [], payers = [] } = list.data ?? {};
  return (
    <Part isTop title={t('sources.customers.title')} note={t('sources.customers.note')}>
      <ProblemNote problem={list.problem ?? add.problem ?? revoke.problem} />
      {add.result ? <AddedKey name={add.result.customer.name} secret={add.result.secret} /> : null}
      {list.data !== null && customers.length + payers.length === 0 ? (
        <p className="use-why soft">{t('sources.customers.none')}</p>
      ) : null}
      <Rows>
        {customers.map((customer) => (
          <KeyRow key={customer.id} customer={customer} revoke={revoke} onPaid={list.reload} />
        ))}
        {payers.map((payer) => (
          <CustomerRow
            key={payer.address}
            who={payer.address}
            title={<code>{shorten(payer.address, 8, 6)}</code>}
            name={payer.address}
            payer={payer.address}
            sums={payer}
            onPaid={list.reload}
          />
        ))}
      </Rows>
      {isAdding ? (
        <AddForm add={add} onCancel={() => setAdding(false)} />
      ) : (
        <p className="use-why">
          <ActionButton isSmall onPress={() => setAdding(true)}>
            {t('sources.customers.add')}
          </ActionButton>
        </p>
      )}
    </Part>
  );
}

function AddForm({ add, onCancel }: { add: Action<string, unknown>; onCancel: () => void }) {
  const { t } = useStrings();
  const [name, setName] = useState('');
  return (
    <Group className="rows" aria-label={t('sources.customers.add')}>
      <TextField
        className="row-line field-row"
        value={name}
        onChange={setName}
        maxLength={CUSTOMER_NAME_CHARACTERS_MAX}
        autoFocus
      >
        <Label className="grow">{t('keys.name')}</Label>
        <Input className="input" />
      </TextField>
      <p className="button-row">
        <ActionButton
          isSmall
          kind="primary"
          isDisabled={add.busy || name.trim() === ''}
          onPress={() => add.run(name.trim())}
        >
          {t('keys.create')}
        </ActionButton>
        <ActionButton isSmall onPress={onCancel}>
          {t('common.cancel')}
        </ActionButton>
      </p>
    </Group>
  );
}

/** A customer with an API key. */
function KeyRow(props: { customer: ListedCustomer; revoke: Action<string, void>; onPaid: () => void }) {
  const { t } = useStrings();
  const { customer, revoke, onPaid } = props;
  const { id, isRevoked } = customer;
  const name = customer.name === '' ? id : customer.name;
  return (
    <CustomerRow
      who={id}
      title={
        <>
          <b>{name}</b> {isRevoked ? <Tag>{t('sources.customers.revoked')}</Tag> : null}
        </>
      }
      name={name}
      keyId={id}
      payer={null}
      sums={customer}
      onPaid={onPaid}
      canCredit={!isRevoked}
    >
      {isRevoked ? null : (
        <Confirm
          button={t('keys.revoke')}
          buttonLabel={t('keys.revokeOf', { name })}
          className={buttonClass({ isSmall: true })}
          isDisabled={revoke.busy}
          title={t('keys.revokeAsk', { name })}
          act={t('keys.revoke')}
          isDanger
          onAct={() => revoke.run(id)}
        >
          <p>{t('sources.customers.revokeText')}</p>
        </Confirm>
      )}
    </CustomerRow>
  );
}

interface CustomerRowProps {
  /** The key's ID or the payer's address. */
  readonly who: string;
  readonly title: ReactNode;
  /** For labels of buttons. */
  readonly name: string;
  readonly keyId?: string;
  /** Address that paid; null for a key. */
  readonly payer: string | null;
  readonly sums: Pick<ListedPayer, 'balance' | 'charged' | 'lastRequestAtMs'>;
  readonly onPaid: () => void;
  /** True for a key that works: its holder pays elsewhere. */
  readonly canCredit?: boolean;
  /** More buttons. */
  readonly children?: ReactNode;
}

function CustomerRow(props: CustomerRowProps) {
  const { t } = useStrings();
  const { asset } = useSection('money');
  const [form, setForm] = useState<'payout' | 'credit' | null>(null);
  const { name, sums, onPaid } = props;
  const close = () => setForm(null);
  const hasBalance = BigInt(sums.balance) > 0n;
  return (
    <>
      <Row
        title={props.title}
        note={useFacts(props).join(' · ')}
        end={<Amount baseUnits={sums.balance} asset={asset} about={t('source.ledger')} />}
        exact={t('sources.customers.balance')}
      >
        <span className="customer-acts">
          {hasBalance ? (
            <ActionButton
              isSmall
              label={t('sources.customers.payOutOf', { name })}
              isDisabled={form !== null}
              onPress={() => setForm('payout')}
            >
              {t('sources.customers.payOut')}
            </ActionButton>
          ) : null}
          {props.canCredit ? (
            <ActionButton
              isSmall
              label={t('sources.customers.creditOf', { name })}
              isDisabled={form !== null}
              onPress={() => setForm('credit')}
            >
              {t('sources.customers.credit')}
            </ActionButton>
          ) : null}
          {props.children}
        </span>
      </Row>
      {form === null ? null : (
        <li>
          {form === 'payout' ? (
            <PayoutForm {...props} onPaid={onPaid} onClose={close} />
          ) : (
            <CreditForm id={props.who} name={name} onCredited={onPaid} onClose={close} />
          )}
        </li>
      )}
    </>
  );
}

/** Describes a customer in short texts. */
function useFacts({ keyId, sums }: CustomerRowProps): readonly string[] {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const moneyText = useMoneyText();
  const nowMs = useNow(60_000);
  const { charged, lastRequestAtMs } = sums;
  return [
    ...(keyId === undefined ? [] : [t('sources.customers.id', { id: keyId })]),
    t('sources.customers.used', { amount: moneyText(charged, asset) }),
    lastRequestAtMs === null
      ? t('sources.customers.noLast')
      : t('sources.customers.last', { time: writeMoment(lastRequestAtMs, nowMs, language) }),
  ];
}

/** Asks for the address; the owner confirms outside of the page. */
function PayoutForm(props: CustomerRowProps & { readonly onClose: () => void }) {
  const { t } = useStrings();
  const { who, payer, name, onPaid, onClose } = props;
  const { asset } = useSection('money');
  const [typed, setTyped] = useState(payer ?? '');
  const amountText = useMoneyText();
  const pay = useAction(async (to: string) => {
    // Its own address is the agent's to write: with its checksum.
    const sent = await agent.storefront.payOut({ who, to: to === payer ? null : to });
    onPaid();
    return sent;
  });
  if (pay.result !== null) {
    return (
      <Note
        tone="info"
        role="status"
        title={t('send.handed', { amount: amountText(pay.result.amount, asset) })}
        action={
          <ActionButton isSmall onPress={onClose} autoFocus>
            {t('send.close')}
          </ActionButton>
        }
      >
        {t('sources.customers.handedNext')} <code>{shorten(pay.result.hash, 10, 8)}</code>
      </Note>
    );
  }
  const isReady = isAddress(typed) && !pay.busy;
  return (
    <Group className="send-form pad" aria-label={t('sources.customers.payOutOf', { name })}>
      <AddressField label={t('send.to')} value={typed} onChange={setTyped} />
      <p className="sm soft">{t('sources.customers.payNote')}</p>
      {pay.busy ? <ConfirmingNote /> : null}
      <p className="button-row">
        <ActionButton isSmall kind="primary" isDisabled={!isReady} onPress={() => pay.run(typed.trim())}>
          {t('sources.customers.payOutAct')}
        </ActionButton>
        <ActionButton isSmall isDisabled={pay.busy} onPress={onClose}>
          {t('common.cancel')}
        </ActionButton>
      </p>
      <NotSent problem={pay.problem} />
    </Group>
  );
}

/** Asks for an amount; the owner confirms outside of the page. */
function CreditForm(props: { id: string; name: string; onCredited: () => void; onClose: () => void }) {
  const { t } = useStrings();
  const { id, name, onCredited, onClose } = props;
  const { asset } = useSection('money');
  const { host } = useSection('app');
  const [typed, setTyped] = useState('');
  const units = readAmount(typed, asset.decimals);
  const isGood = units !== null && BigInt(units) > 0n;
  const credit = useAction(async (amount: string) => {
    await agent.storefront.credit({ id, amount });
    onCredited();
    onClose();
  });
  return (
    <Group className="send-form pad" aria-label={t('sources.customers.creditOf', { name })}>
      <TextField
        className="field"
        value={typed}
        onChange={setTyped}
        isInvalid={typed.trim() !== '' && !isGood}
        inputMode="decimal"
        autoFocus
      >
        <Label className="field-label">{t('sources.customers.creditAmount', { unit: asset.symbol })}</Label>
        <Input className="input" />
        <FieldError className="field-error">{t('settings.badAmount', { count: asset.decimals })}</FieldError>
      </TextField>
      <p className="sm soft">{t('sources.customers.creditNote')}</p>
      {credit.busy && host === 'desktop' ? <ConfirmingNote /> : null}
      <p className="button-row">
        <ActionButton
          isSmall
          kind="primary"
          isDisabled={!isGood || credit.busy}
          onPress={() => credit.run(units ?? '')}
        >
          {t('sources.customers.creditAct')}
        </ActionButton>
        <ActionButton isSmall isDisabled={credit.busy} onPress={onClose}>
          {t('common.cancel')}
        </ActionButton>
      </p>
      <ProblemNote problem={credit.problem} />
    </Group>
  );
}
