/** Search over pages, settings and jobs, opened by Ctrl+K or Cmd+K. The arrow keys choose, Enter opens. */

import { useEffect, useState } from 'react';
import { Autocomplete } from 'react-aria-components/Autocomplete';
import { Dialog } from 'react-aria-components/Dialog';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { Menu, MenuItem } from 'react-aria-components/Menu';
import { Modal, ModalOverlay } from 'react-aria-components/Modal';
import { SearchField } from 'react-aria-components/SearchField';
import { JOB_SEARCH_CHARACTERS_MAX } from '../shared/job-search.ts';
import type { Job } from '../shared/jobs.ts';
import { writeMoment } from './format.ts';
import { useIsFree } from './parts/amount.tsx';
import { Icon, type IconName } from './parts/icon.tsx';
import { useModelName, useStrings } from './parts/strings.ts';
import { hrefTo, type Place, sidebarPages } from './route.ts';
import { matches, SETTING_PLACES } from './search-places.ts';
import { agent, useSection } from './store.ts';

const JOBS_SHOWN = 5;
const SETTINGS_SHOWN = 6;
/** Shorter texts would find almost every job. */
const JOB_QUERY_CHARACTERS = 3;
const TYPING_MS = 200;
/** The page of a setting may have to load first. */
const LABEL_MS_MAX = 3_000;

interface Hit {
  readonly id: string;
  readonly icon: IconName;
  readonly text: string;
  readonly kind: string;
  readonly open: () => void;
}

export default function SearchDialog({ onClose }: { onClose: () => void }) {
  const { t } = useStrings();
  const [query, setQuery] = useState('');
  const hits = useHits(query.trim());
  return (
    <ModalOverlay className="overlay search-overlay" isOpen isDismissable onOpenChange={onClose}>
      <Modal className="modal">
        <Dialog className="search-dialog" aria-label={t('search.title')}>
          <Autocomplete inputValue={query} onInputChange={setQuery}>
            <SearchField className="search is-wide" autoFocus maxLength={JOB_SEARCH_CHARACTERS_MAX}>
              <Label className="for-readers">{t('search.title')}</Label>
              <Icon name="search" isSmall />
              <Input className="search-input" placeholder={t('search.placeholder')} />
            </SearchField>
            <Menu
              className="menu search-hits"
              aria-label={t('search.results')}
              items={hits}
              renderEmptyState={() => <p className="soft sm">{t('search.nothing')}</p>}
              onAction={(id) => {
                onClose();
                hits.find((hit) => hit.id === id)?.open();
              }}
            >
              {(hit) => (
                <MenuItem id={hit.id} className="menu-item" textValue={hit.text}>
                  <Icon name={hit.icon} isSmall />
                  {hit.text}
                  <span className="menu-hint">{hit.kind}</span>
                </MenuItem>
              )}
            </Menu>
          </Autocomplete>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

/** Pages first, then settings, then jobs that the agent finds. */
function useHits(query: string): Hit[] {
  const { t, language } = useStrings();
  const modelName = useModelName();
  const jobs = useFoundJobs(query);
  const place: Place = { isFree: useIsFree(), hasMachines: useSection('machines') !== null };
  const go = (address: string) => () => {
    window.location.hash = address;
  };
  const pages = sidebarPages(place)
    .flat()
    .map((page): Hit => {
      const text = t(`nav.${page}`);
      return { id: `page-${page}`, icon: page, text, kind: t('search.page'), open: go(hrefTo(page)) };
    });
  const settings = SETTING_PLACES.map(([key, page]): Hit => {
    const text = t(key);
    const open = () => {
      window.location.hash = hrefTo(page);
      focusSetting(text);
    };
    return { id: key, icon: 'settings', text, kind: t(`nav.${page}`), open };
  });
  const found = jobs.map(
    (job): Hit => ({
      id: `job-${job.side}-${job.id}`,
      icon: 'jobs',
      text: `${modelName(job.model)} · ${writeMoment(job.createdAtMs, Date.now(), language)}`,
      kind: t('search.job'),
      open: go(hrefTo('jobs', job.id)),
    }),
  );
  const isHit = ({ text }: Hit) => matches(text, query);
  if (query === '') return pages;
  return [...pages.filter(isHit), ...settings.filter(isHit).slice(0, SETTINGS_SHOWN), ...found];
}

function useFoundJobs(query: string): readonly Job[] {
  const [found, setFound] = useState<readonly Job[]>([]);
  useEffect(() => {
    if (query.length < JOB_QUERY_CHARACTERS) {
      setFound([]);
      return;
    }
    let isWanted = true;
    const timer = setTimeout(() => {
      agent.jobs.list({ search: query, limit: JOBS_SHOWN }).then(
        ({ jobs }) => isWanted && setFound(jobs),
        () => undefined, // without an agent, pages and settings are still found
      );
    }, TYPING_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [query]);
  return found;
}

/** Scrolls to the setting with this label and focuses its control, as soon as its page shows it. */
function focusSetting(label: string): void {
  const endMs = performance.now() + LABEL_MS_MAX;
  const look = () => {
    const found = [...document.querySelectorAll('main :is(label, b, h2, h3)')].find(
      (each) => each.textContent === label,
    );
    if (found === undefined) {
      if (performance.now() < endMs) requestAnimationFrame(look);
      return;
    }
    found.scrollIntoView({ block: 'center' });
    found
      .closest('.row-line, .settings-seg, .settings-part, .card')
      ?.querySelector<HTMLElement>('input, select, button, [tabindex="0"]')
      ?.focus({ preventScroll: true });
  };
  // After the page has moved the focus to its top
  setTimeout(look, 0);
}
