/** Network page, open market: a line for each way in which this machine finds others and is reached by them. */
import type { ReactNode } from 'react';
import type { WaysState } from '../../shared/reach.ts';
import { writeBytes, writeNumber } from '../format.ts';
import { useMoneyText } from '../parts/amount.tsx';
import { Card, Columns } from '../parts/card.tsx';
import { Empty } from '../parts/empty.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { useStrings } from '../parts/strings.ts';
import { Tag } from '../parts/tag.tsx';
import { useSection } from '../store.ts';

export function Ways({ ways }: { ways: WaysState }) {
  const { t } = useStrings();
  return (
    <Columns>
      <Card title={t('ways.found')}>
        <Rows>
          <Found ways={ways} />
        </Rows>
      </Card>
      <Card title={t('ways.reached')}>
        <Reached ways={ways} />
      </Card>
    </Columns>
  );
}

function Found({ ways }: { ways: WaysState }) {
  const { t, language } = useStrings();
  const { publicNodes, publicNodesConnected, neighbors, remembered } = ways;
  const isThere = publicNodesConnected > 0;
  return (
    <>
      <Row
        title={<b>{t('ways.nodes')}</b>}
        note={
          publicNodes === 0
            ? t('ways.nodesNone')
            : t('ways.nodesNote', { connected: publicNodesConnected, total: publicNodes })
        }
        end={<State isGood={isThere}>{t(isThere ? 'ways.inUse' : 'ways.away')}</State>}
      />
      <Row
        title={<b>{t('ways.dht')}</b>}
        note={t('ways.dhtNote', { count: neighbors, figure: writeNumber(neighbors, language) })}
        end={<State isGood={neighbors > 0}>{t(neighbors > 0 ? 'ways.inUse' : 'ways.away')}</State>}
      />
      {ways.isPublicDhtUsed ? (
        <Row
          title={<b>{t('ways.publicDht')}</b>}
          note={t('ways.publicDhtNote')}
          end={<State isGood>{t('ways.inUse')}</State>}
        />
      ) : null}
      {ways.isLanSearched ? (
        <Row
          title={<b>{t('ways.lan')}</b>}
          note={t('ways.lanNote')}
          end={<State isGood>{t('ways.inUse')}</State>}
        />
      ) : null}
      <Row
        title={<b>{t('ways.remembered')}</b>}
        note={t('ways.rememberedNote', { count: remembered, figure: writeNumber(remembered, language) })}
      />
    </>
  );
}

function Reached({ ways }: { ways: WaysState }) {
  const { t } = useStrings();
  const { addresses, relays, opening } = ways;
  const { state } = opening;
  // Where a port is open, its address has a line.
  const waiting = state === 'off' || state === 'open' ? null : state;
  if (addresses.length + relays.length === 0 && waiting === null) {
    return (
      <Empty title={t('ways.none')}>
        <p>{t('ways.noneNext')}</p>
      </Empty>
    );
  }
  return (
    <Rows>
      {addresses.map((each) => (
        <Address key={each.address} address={each} opening={opening} />
      ))}
      {waiting === null ? null : (
        <Row
          title={<b>{t('ways.opening')}</b>}
          note={t(`ways.openingState.${waiting}`)}
          end={<State isGood={false}>{t(waiting === 'asking' ? 'ways.asking' : 'ways.notOpen')}</State>}
        />
      )}
      {relays.map((relay) => (
        <Relay key={relay.peer} relay={relay} />
      ))}
    </Rows>
  );
}

function Address({
  address: { address, kind, result },
  opening,
}: {
  address: WaysState['addresses'][number];
  opening: WaysState['opening'];
}) {
  const { t } = useStrings();
  const [, family, host = '', , port = ''] = address.split('/');
  const title =
    kind === 'mapped' && opening.by !== null
      ? t('ways.opened', { by: opening.by === 'upnp' ? 'UPnP' : 'NAT-PMP' })
      : t(kind === 'own' ? `ways.own.${family === 'ip6' ? 'ip6' : 'ip4'}` : `ways.${kind}`);
  return (
    <Row
      title={<b>{title}</b>}
      note={<code className="host">{family === 'ip6' ? `[${host}]:${port}` : `${host}:${port}`}</code>}
      end={
        result === 'unreached' ? (
          <Tag tone="warning" icon="warning">
            {t('ways.result.unreached')}
          </Tag>
        ) : (
          <State isGood={result === 'reached'}>{t(`ways.result.${result}`)}</State>
        )
      }
    />
  );
}

function Relay({ relay }: { relay: WaysState['relays'][number] }) {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const moneyText = useMoneyText();
  const { address, inBytes, outBytes, isLimited, leftBytes, roundTripMs, cost } = relay;
  const limit = isLimited
    ? t(leftBytes === null ? 'ways.limited' : 'ways.limitedTo', {
        left: writeBytes(leftBytes ?? 0, language),
      })
    : t('ways.unlimited');
  const facts = [
    t(address.includes('/ws') ? 'ways.overWebSocket' : 'ways.overTcp'),
    t('ways.traffic', { received: writeBytes(inBytes, language), sent: writeBytes(outBytes, language) }),
    ...(isLimited === null ? [] : [limit]),
    ...(roundTripMs === null
      ? []
      : [t('ways.roundTrip', { ms: writeNumber(Math.round(roundTripMs), language) })]),
    ...(cost === null
      ? []
      : [
          t('ways.price', { price: moneyText(cost.pricePerMegabyte, asset) }),
          t('ways.paid', { paid: moneyText(cost.paid, asset) }),
        ]),
  ];
  return (
    <Row
      title={<b>{t('ways.relay', { host: address.split('/')[2] ?? '' })}</b>}
      note={facts.join(' · ')}
      end={<State isGood>{t('ways.place')}</State>}
    />
  );
}

function State({ isGood, children }: { isGood: boolean; children: ReactNode }) {
  return (
    <Tag tone={isGood ? 'good' : 'rest'} icon={isGood ? 'check' : 'clock'}>
      {children}
    </Tag>
  );
}
