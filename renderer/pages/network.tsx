/** Network page: who can reach this machine, its peers and traffic, and every host that it contacted. */

import type { AgentState } from '../../shared/api/state.ts';
import { shorten, writeBytes, writeMoment, writeNumber } from '../format.ts';
import { ActionButton } from '../parts/button.tsx';
import { Card, Columns } from '../parts/card.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { SettingsForm } from '../parts/doubts.tsx';
import { Empty } from '../parts/empty.tsx';
import { Fact } from '../parts/fact.tsx';
import { Facts, Reading } from '../parts/facts.tsx';
import { Icon } from '../parts/icon.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { type Column, Table } from '../parts/table.tsx';
import { Tag } from '../parts/tag.tsx';
import { useSection } from '../store.ts';
import { Market } from './network-market.tsx';
import { Ways } from './network-ways.tsx';
import { adviceFor } from './reach-advice.ts';
import { reachabilityOf } from './reachability.ts';

type NetworkState = AgentState['network'];

export function Network() {
  const { t, language } = useStrings();
  const network = useSection('network');
  const { profile } = useSection('app');
  const { peers, inBytes, outBytes, contacts } = network;
  const connected = peers.filter((peer) => peer.connected).length;
  return (
    <>
      <PageHead title={t('nav.network')} />
      {profile === 'open' ? (
        <SettingsForm>
          {(change, saving) => (
            <>
              <Reach network={network} onOpenPort={() => change({ openPort: true })} />
              {network.ways === null ? null : <Ways ways={network.ways} />}
              <Market change={change} isBusy={saving.busy} />
            </>
          )}
        </SettingsForm>
      ) : (
        <Reach network={network} />
      )}
      <Facts label={t('nav.network')}>
        <Reading label={t('networkPage.connectedPeers')} value={writeNumber(connected, language)} />
        <Reading label={t('networkPage.knownPeers')} value={writeNumber(peers.length, language)} />
        <Reading label={t('networkPage.sent')} value={writeBytes(outBytes, language)} />
        <Reading label={t('networkPage.received')} value={writeBytes(inBytes, language)} />
      </Facts>
      <Columns>
        <Peers peers={peers} />
        <Contacts contacts={contacts} />
      </Columns>
      <p className="sm soft">{t('networkPage.nothingElse')}</p>
    </>
  );
}

/** The page's one sentence, and what would help. Whether strangers get through a router is known only once one did. */
function Reach({ network, onOpenPort }: { network: NetworkState; onOpenPort?: () => void }) {
  const { t } = useStrings();
  const reach = reachabilityOf(network);
  const settings = useSection('settings');
  const advice = network.ways === null ? [] : adviceFor(network.ways, settings);
  return (
    <Card label={t('networkPage.reachability')} isPadded>
      <h2 className="models-name">{t(`networkPage.reach.${reach}`)}</h2>
      <p className="soft">{t(`networkPage.reachNext.${reach}`)}</p>
      {advice.length === 0 ? null : (
        <div className="network-advice">
          <h3>{t('ways.improve')}</h3>
          <ul>
            {advice.map((each) => (
              <li key={each}>{t(`ways.advice.${each}`)}</li>
            ))}
          </ul>
          {onOpenPort !== undefined && advice.includes('allow-port') ? (
            <ActionButton kind="primary" onPress={onOpenPort}>
              {t('ways.openForMe')}
            </ActionButton>
          ) : null}
        </div>
      )}
      <details className="fold network-addresses">
        <summary>
          <Icon name="next" isSmall />
          {t('networkPage.addresses')}
        </summary>
        <dl className="kv">
          <div className="kv-row">
            <dt>{t('networkPage.peerId')}</dt>
            <dd className="identifier">
              <Fact about={network.peer}>
                <code>{shorten(network.peer, 8, 8)}</code>
              </Fact>
              <CopyButton text={network.peer} label={t('networkPage.peerId')} isIcon />
            </dd>
          </div>
          {network.addresses.map((address) => (
            <div className="kv-row" key={address}>
              <dt>{t('networkPage.address')}</dt>
              <dd className="identifier">
                <code className="wallet-code">{withoutPeer(address)}</code>
                <CopyButton text={address} label={t('networkPage.address')} isIcon />
              </dd>
            </div>
          ))}
        </dl>
      </details>
    </Card>
  );
}

function Peers({ peers }: { peers: NetworkState['peers'] }) {
  const { t } = useStrings();
  const columns: readonly Column<NetworkState['peers'][number]>[] = [
    {
      key: 'peer',
      head: t('networkPage.peer'),
      fold: 1,
      cell: (row) => (
        <Fact about={row.peer}>
          <code>{`…${row.peer.slice(-8)}`}</code>
        </Fact>
      ),
    },
    {
      key: 'address',
      head: t('networkPage.address'),
      fold: 3,
      cell: (row) => <code className="soft">{row.address === null ? '–' : hostOf(row.address)}</code>,
    },
    {
      key: 'source',
      head: t('networkPage.found'),
      isOptional: true,
      cell: (row) => t(`networkPage.source.${row.source}`),
    },
    {
      key: 'state',
      head: t('networkPage.state'),
      fold: 2,
      cell: (row) => (
        <Tag tone={row.connected ? 'good' : 'rest'} icon={row.connected ? 'check' : 'clock'}>
          {t(row.connected ? 'networkPage.connected' : 'networkPage.known')}
        </Tag>
      ),
    },
  ];
  return (
    <Card title={t('networkPage.peers')}>
      {peers.length === 0 ? (
        <Empty title={t('networkPage.none')}>
          <p>{t('networkPage.noneNext')}</p>
        </Empty>
      ) : (
        <Table label={t('networkPage.peers')} columns={columns} rows={peers} rowKey={({ peer }) => peer} />
      )}
    </Card>
  );
}

/** At a relay, the relay's peer ID is part of the way. */
function withoutPeer(address: string): string {
  return address.replace(/\/p2p\/\w+$/, '');
}

function hostOf(address: string): string {
  return address.split('/')[2] ?? address;
}

function Contacts({ contacts }: { contacts: NetworkState['contacts'] }) {
  const { t, language } = useStrings();
  const nowMs = useNow(30_000);
  const columns: readonly Column<NetworkState['contacts'][number]>[] = [
    {
      key: 'host',
      head: t('networkPage.host'),
      fold: 1,
      cell: (row) => <code className="host">{row.host}</code>,
    },
    {
      key: 'why',
      head: t('networkPage.why'),
      fold: 3,
      cell: (row) => t(`networkPage.purpose.${row.purpose}`),
    },
    {
      key: 'last',
      head: t('networkPage.last'),
      isNumber: true,
      fold: 2,
      cell: (row) => <span className="soft">{writeMoment(row.lastAtMs, nowMs, language)}</span>,
    },
    {
      key: 'count',
      head: t('networkPage.count'),
      isNumber: true,
      isOptional: true,
      cell: (row) => writeNumber(row.count, language),
    },
  ];
  return (
    <Card title={t('networkPage.contacts')}>
      {contacts.length === 0 ? (
        <Empty title={t('networkPage.noContacts')}>
          <p>{t('networkPage.noContactsNext')}</p>
        </Empty>
      ) : (
        <Table
          label={t('networkPage.contacts')}
          columns={columns}
          rows={contacts}
          rowKey={({ host, purpose }) => `${purpose} ${host}`}
        />
      )}
    </Card>
  );
}
