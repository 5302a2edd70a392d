/** Home: power, temperature, memory and jobs of this machine, now and over the last minutes. */
import { writeNumber } from '../format.ts';
import { lastOf, type Sample, temperatureOf, usedMemoryOf, useLately } from '../lately.ts';
import { Facts, Reading } from '../parts/facts.tsx';
import { useStrings } from '../parts/strings.ts';
import { useConnection, useSection } from '../store.ts';

/** Seconds in a spark line. */
const SECONDS = 120;
const GIBIBYTE = 2 ** 30;

export function HomeReadings() {
  const { t, language } = useStrings();
  const machine = useSection('machine');
  const { activeJobs } = useSection('work');
  const { status } = useConnection();
  const samples = useLately();
  const history = (name: Exclude<keyof Sample, 'isOwners'>) => lastOf(samples, name, SECONDS);
  const watts = machine.readings.watts?.value ?? machine.watts;
  const celsius = temperatureOf(machine);
  const used = usedMemoryOf(machine);
  const value = (known: number | null, digits = 0) =>
    known === null ? (
      <span className="unknown">{t('common.unknown')}</span>
    ) : (
      writeNumber(known, language, digits)
    );
  const isGraphics = machine.readings.graphicsCelsius !== null;
  return (
    <Facts label={t('home.machineNow')}>
      <Reading
        label={t('home.reading.power')}
        value={value(watts)}
        unit={watts === null ? '' : 'W'}
        history={history('watts')}
      />
      <Reading
        label={t(isGraphics ? 'home.reading.graphicsTemperature' : 'home.reading.temperature')}
        value={value(celsius)}
        unit={celsius === null ? '' : '°C'}
        history={history('celsius')}
      />
      <Reading
        label={t('home.reading.memory')}
        value={value(used === null ? null : used / GIBIBYTE, 1)}
        unit={
          used === null || machine.memoryBytes === null
            ? ''
            : t('home.reading.ofMemory', { total: writeNumber(machine.memoryBytes / GIBIBYTE, language) })
        }
        history={history('usedMemoryBytes')}
      />
      <Reading
        label={t('home.reading.jobs')}
        value={status === 'live' ? activeJobs.length : value(null)}
        history={history('jobs')}
      />
    </Facts>
  );
}
