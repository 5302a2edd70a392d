/** Home: the state in a panel whose boxes never move, today, the money, the machine's readings, and the models in memory. */
import { useIsFree } from '../parts/amount.tsx';
import { Columns } from '../parts/card.tsx';
import { LoadedModels } from '../parts/loaded-models.tsx';
import { Notices } from '../parts/notices.tsx';
import { HomeMoney } from './home-money.tsx';
import { StatePanel } from './home-panel.tsx';
import { HomeReadings } from './home-readings.tsx';
import { Today } from './home-today.tsx';
import { HomeWork } from './home-work.tsx';

export function Home() {
  const isOwn = useIsFree();
  return (
    <>
      <StatePanel />
      {isOwn ? (
        <HomeWork />
      ) : (
        <Columns kind="wide">
          <Today />
          <HomeMoney />
        </Columns>
      )}
      <HomeReadings />
      <LoadedModels />
      <Notices />
    </>
  );
}
