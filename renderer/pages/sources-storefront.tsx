/** Job sources page: the storefront, its address, port and margin. */
import { STOREFRONT_URL, STOREFRONT_URL_CHARACTERS_MAX } from '../../shared/storefront.ts';
import { writeMoment } from '../format.ts';
import { ActionButton } from '../parts/button.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { Count, Part, Toggle } from '../parts/setting.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { Typed } from '../parts/typed.tsx';
import { useSection } from '../store.ts';
import { FactRows, PaidRow, type SourceProps } from './sources-parts.tsx';

export function StorefrontPart({ settings, change, paid }: SourceProps) {
  const { t } = useStrings();
  const { isFixed } = useSection('storefront');
  const { storefrontOn, storefrontMarginPercent } = settings;
  return (
    <Part isTop title={t('sources.storefront.title')} note={t('sources.storefront.note')}>
      <Toggle
        label={t('sources.storefront.on')}
        note={t(isFixed ? 'sources.storefront.fixed' : 'sources.storefront.onNote')}
        isSelected={storefrontOn || isFixed}
        isDisabled={isFixed}
        onChange={(on) => change({ storefrontOn: on })}
      />
      <Rows>
        <Status />
        <Certificate />
        <PaidRow source="storefront" paid={paid} />
        <FactRows asks={t('sources.storefront.asks')} sees={t('sources.storefront.sees')} />
      </Rows>
      {isFixed ? null : <Place settings={settings} change={change} />}
      <Count
        label={t('sources.storefront.margin')}
        note={t('sources.storefront.marginNote')}
        unit="%"
        value={storefrontMarginPercent}
        minimum={0}
        maximum={1_000}
        onCommit={(percent) => change({ storefrontMarginPercent: percent })}
      />
    </Part>
  );
}

function Status() {
  const { t } = useStrings();
  const { state, address, publicUrl } = useSection('storefront');
  const isLocal = state === 'open' && publicUrl === address;
  const note =
    state === 'unavailable'
      ? t('sources.away')
      : t(`sources.storefront.state.${isLocal ? 'local' : state}`, { address: publicUrl ?? '' });
  return <Row title={<b>{t('horde.status')}</b>} note={note} />;
}

/** Nothing unless the command line asks for certificates by ACME. */
function Certificate() {
  const { t, language } = useStrings();
  const { certificate } = useSection('storefront');
  const nowMs = useNow(60_000);
  if (certificate === null) return null;
  const { domain, expiresAtMs, problem, nextTryAtMs } = certificate;
  const state = expiresAtMs === null ? 'none' : expiresAtMs > nowMs ? 'valid' : 'expired';
  const moment = (atMs: number | null) => (atMs === null ? '' : writeMoment(atMs, nowMs, language));
  return (
    <Row
      title={<b>{t('sources.storefront.certificate.title')}</b>}
      note={t(`sources.storefront.certificate.${state}`, { domain, date: moment(expiresAtMs) })}
    >
      {problem === null ? null : (
        <span className="sm">
          {t('sources.storefront.certificate.problem', { problem, time: moment(nextTryAtMs) })}
        </span>
      )}
    </Row>
  );
}

/** Its address for buyers, and its port. */
function Place({ settings, change }: Omit<SourceProps, 'paid'>) {
  const { t } = useStrings();
  const { storefrontUrl, storefrontPort } = settings;
  return (
    <>
      <Typed
        key={storefrontUrl}
        label={t('sources.storefront.url')}
        act={t('sources.storefront.urlSave')}
        start={storefrontUrl ?? ''}
        lengthMax={STOREFRONT_URL_CHARACTERS_MAX}
        bad={t('sources.storefront.badUrl')}
        isGood={(url) => STOREFRONT_URL.test(url)}
        onSave={(url) => change({ storefrontUrl: url })}
      >
        {storefrontUrl === null ? null : (
          <ActionButton isSmall kind="quiet" onPress={() => change({ storefrontUrl: null })}>
            {t('sources.storefront.urlRemove')}
          </ActionButton>
        )}
      </Typed>
      <Count
        label={t('sources.storefront.port')}
        note={t('sources.storefront.portNote')}
        unit=""
        value={storefrontPort}
        minimum={1_024}
        maximum={65_535}
        isPlain
        onCommit={(port) => change({ storefrontPort: port })}
      />
    </>
  );
}
