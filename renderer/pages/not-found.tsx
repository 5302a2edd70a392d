/** Shown for an address that names no page. */
import { ActionLink } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Empty } from '../parts/empty.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';

export function NotFound() {
  const { t } = useStrings();
  return (
    <>
      <PageHead title={t('notFound.title')} />
      <Card label={t('notFound.title')}>
        <Empty
          title={t('notFound.what')}
          action={<ActionLink href={hrefTo('home')}>{t('notFound.home')}</ActionLink>}
        >
          <p>{t('notFound.next')}</p>
        </Empty>
      </Card>
    </>
  );
}
