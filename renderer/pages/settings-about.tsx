/** Settings page: version, licenses, where the code is, and how to remove Idlewatt. */
import { useAction, useAnswer } from '../calls.ts';
import { ActionButton } from '../parts/button.tsx';
import { Columns } from '../parts/card.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row } from '../parts/rows.tsx';
import { Part } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { systemOf } from '../parts/system.ts';
import { agent, useSection } from '../store.ts';
import { Place } from './settings-restore.tsx';

export function AboutParts() {
  const { t } = useStrings();
  const { version, shell, platform, host } = useSection('app');
  const about = useAnswer('about', () => agent.about.read({}));
  const licenses = useAction((_: null) => agent.about.licenses({}));
  const { license, home, licensesFile } = about.data ?? { license: '', home: null, licensesFile: null };
  const homepage = shell?.homepage ?? null;
  const system = systemOf(platform);
  return (
    <>
      <Columns>
        <Part title="Idlewatt">
          <ul className="rows">
            <Row
              title={<b>{t('about.version')}</b>}
              note={version}
              end={<CopyButton text={version} label={t('about.version')} isIcon />}
            />
            <Row title={<b>{t('about.license')}</b>} note={t('about.licenseNote', { license })} />
            <Row
              title={<b>{t('about.code')}</b>}
              note={
                homepage === null ? t('about.noCode') : <Place text={t('about.codeAt')} path={homepage} />
              }
            />
            <Row
              title={<b>{t('about.others')}</b>}
              note={
                licensesFile === null && about.data !== null ? (
                  t('about.noFile')
                ) : (
                  <Place text={t('about.othersNote')} path={licensesFile} />
                )
              }
              end={
                licensesFile === null ? null : (
                  <ActionButton isSmall isDisabled={licenses.busy} onPress={() => licenses.run(null)}>
                    {t('about.show')}
                  </ActionButton>
                )
              }
            />
          </ul>
          <ProblemNote problem={about.problem ?? licenses.problem} />
        </Part>
        <Part title={t('about.remove')}>
          <p className="settings-note">
            {t(host === 'desktop' ? `about.removeOn.${system}` : 'about.removeHeadless')}
          </p>
          <p className="settings-note">
            <Place text={t('about.stays')} path={home} />
          </p>
          <p className="settings-note">{t('about.staysNext')}</p>
        </Part>
      </Columns>
      {licenses.result === null ? null : <Licenses text={licenses.result.text} />}
    </>
  );
}

function Licenses({ text }: { text: string }) {
  const { t } = useStrings();
  return (
    <section className="card licenses" aria-label={t('about.others')}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling area must be reachable by keyboard */}
      <pre tabIndex={0}>{text}</pre>
    </section>
  );
}
