/** Opens the search by key or button; its dialog is loaded when it is used for the first time. */
import { lazy, Suspense, useEffect, useSyncExternalStore } from 'react';
import { ActionButton, IconButton } from './parts/button.tsx';
import { useStrings } from './parts/strings.ts';
import { useSection } from './store.ts';

const SearchDialog = lazy(() => import('./search-dialog.tsx'));

let isOpen = false;
const listeners = new Set<() => void>();

function setOpen(open: boolean): void {
  isOpen = open;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The dialog, and the keys that open it: Ctrl+K, on macOS Cmd+K. */
export function Search() {
  const open = useSyncExternalStore(subscribe, () => isOpen);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || event.altKey || event.shiftKey) return;
      if (event.ctrlKey === event.metaKey) return;
      event.preventDefault();
      setOpen(true);
    };
    // While capturing: text fields stop the event
    window.addEventListener('keydown', press, true);
    return () => window.removeEventListener('keydown', press, true);
  }, []);
  if (!open) return null;
  return (
    <Suspense>
      <SearchDialog onClose={() => setOpen(false)} />
    </Suspense>
  );
}

/** `isLabeled`: with the word after the icon. */
export function SearchButton({ isLabeled = false }: { isLabeled?: boolean }) {
  const { t } = useStrings();
  const { platform } = useSection('app');
  const key = platform === 'darwin' ? '⌘K' : t('search.key');
  const label = t('search.open', { key });
  const open = () => setOpen(true);
  if (!isLabeled) return <IconButton icon="search" label={label} onPress={open} />;
  return (
    <ActionButton isSmall icon="search" label={label} onPress={open}>
      {t('search.title')}
    </ActionButton>
  );
}
