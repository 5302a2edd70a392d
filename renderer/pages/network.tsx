/** Network: the peers that this machine knows, and its traffic. */
import { writeBytes } from '../format.ts';
import { Empty } from '../parts/empty.tsx';
import { Facts, Reading } from '../parts/facts.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { useStrings } from '../parts/strings.ts';
import { Tag } from '../parts/tag.tsx';
import { useSection } from '../store.ts';

export function Network() {
  const { t, language } = useStrings();
  const { peers, inBytes, outBytes } = useSection('network');
  const connected = peers.filter((peer) => peer.connected).length;
  return (
    <>
      <PageHead title={t('nav.network')} lead={t('networkPage.lead')} />
      <Facts label={t('nav.network')}>
        <Reading label={t('networkPage.peers')} value={connected} />
        <Reading label={t('networkPage.received')} value={writeBytes(inBytes, language)} />
        <Reading label={t('networkPage.sent')} value={writeBytes(outBytes, language)} />
      </Facts>
      {peers.length === 0 ? (
        <Empty title={t('networkPage.none')}>
          <p>{t('networkPage.noneNext')}</p>
        </Empty>
      ) : (
        <Rows label={t('networkPage.peer')}>
          {peers.map((peer) => (
            <Row
              key={peer.peer}
              title={<code>{`…${peer.peer.slice(-8)}`}</code>}
              end={
                <Tag tone={peer.connected ? 'good' : 'rest'}>
                  {t(peer.connected ? 'networkPage.connected' : 'networkPage.known')}
                </Tag>
              }
            />
          ))}
        </Rows>
      )}
    </>
  );
}
