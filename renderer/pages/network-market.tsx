/** Network page, open market: the public nodes that this machine asks, and the port at which strangers reach it. */
import { PUBLIC_NODES_MAX, settingsSchema } from '../../shared/settings.ts';
import { Card } from '../parts/card.tsx';
import type { Change } from '../parts/doubts.tsx';
import { Count, TextSetting, Toggle } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { TextList } from '../parts/text-list.tsx';
import { useSection } from '../store.ts';

const { publicNodes, publicHost } = settingsSchema.shape;
const NODE_LENGTH_MAX = 300;

export function Market({ change, isBusy }: { change: Change; isBusy: boolean }) {
  const { t } = useStrings();
  const settings = useSection('settings');
  return (
    <Card title={t('market.title')}>
      <p className="use-why sm soft">{t('market.note')}</p>
      <TextList
        words={{
          title: t('market.nodes'),
          none: t('market.nodesNone'),
          field: t('market.nodesField'),
          add: t('market.nodesAdd'),
          bad: t('market.nodesBad'),
        }}
        list={settings.publicNodes}
        max={PUBLIC_NODES_MAX}
        lengthMax={NODE_LENGTH_MAX}
        isBusy={isBusy}
        normalize={(text) => text.trim()}
        isGood={(text) => publicNodes.element.safeParse(text).success}
        onChange={(list) => change({ publicNodes: [...list] })}
      />
      <div className="rows">
        <Toggle
          label={t('market.publicDht')}
          note={t('market.publicDhtNote')}
          isSelected={settings.publicDht}
          isDisabled={isBusy}
          onChange={(publicDht) => change({ publicDht })}
        />
        <Toggle
          label={t('market.openPort')}
          note={t('market.openPortNote')}
          isSelected={settings.openPort}
          isDisabled={isBusy || settings.forwardedPort !== null}
          onChange={(openPort) => change({ openPort })}
        />
        <Count
          isPlain
          label={t('market.port')}
          note={t('market.portNote')}
          unit=""
          value={settings.forwardedPort}
          minimum={1_024}
          maximum={65_535}
          isOptional
          onCommit={(forwardedPort) => change({ forwardedPort })}
        />
        <TextSetting
          label={t('market.host')}
          note={t('market.hostNote')}
          unit=""
          inputMode="url"
          value={settings.publicHost ?? ''}
          problemOf={(text) =>
            publicHost.safeParse(text.toLowerCase()).success ? null : t('market.hostBad')
          }
          onCommit={(text) => change({ publicHost: text === '' ? null : text.toLowerCase() })}
        />
      </div>
    </Card>
  );
}
