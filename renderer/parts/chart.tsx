/** Bars by day. Drawn on a canvas, so the same numbers stand beside it as a table for everybody else. */
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';

/** 1, 2, 5, 10, 20, 50 … base units. */
const WHOLE_STEPS = Array.from({ length: 48 }, (_, index) => [1, 2, 5][index % 3] ?? 1).map(
  (step, index) => step * 10 ** Math.floor(index / 3),
);

export interface DayBar {
  /** `YYYY-MM-DD`. */
  readonly day: string;
  /** For the height of the bar only; the words come from `label`. */
  readonly value: number;
}

export function DayChart(props: {
  bars: readonly DayBar[];
  label: string;
  writeDay: (day: string) => string;
  writeValue: (value: number) => string;
  isPractice: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const signature = JSON.stringify([props.bars, props.label, props.isPractice]);

  // Dependencies: the signature holds everything that is drawn
  useEffect(() => {
    const target = box.current;
    if (!target) return;
    const { bars, writeDay, writeValue, isPractice } = latest.current;
    const drawBars = uPlot.paths.bars?.({ size: [0.62, 40], radius: 0.15 });
    const draw = () => {
      const ink = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
      const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
      const font = `${0.75 * rem}px ${ink('--font')}`;
      const axis = { stroke: ink('--ink-soft'), font, ticks: { show: false } };
      return new uPlot(
        {
          width: Math.max(240, target.clientWidth),
          height: 15 * rem,
          padding: [rem * 0.75, rem * 0.5, 0, 0],
          legend: { show: false },
          cursor: { show: false },
          scales: {
            x: { time: false, range: [-0.6, bars.length - 0.4] },
            y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] },
          },
          axes: [
            {
              ...axis,
              grid: { show: false },
              space: 5 * rem,
              size: 2 * rem,
              incrs: [1, 2, 5, 7, 14, 30],
              values: (_, splits) =>
                splits.map((at) => {
                  const bar = Number.isInteger(at) ? bars[at] : undefined;
                  return bar ? writeDay(bar.day) : '';
                }),
            },
            {
              ...axis,
              grid: { stroke: ink('--line'), width: 1 },
              size: 4.25 * rem,
              space: 2.75 * rem,
              // Whole base units only: a line between two of them would be labelled wrongly.
              incrs: WHOLE_STEPS,
              values: (_, splits) => splits.map(writeValue),
            },
          ],
          series: [
            {},
            {
              fill: ink(isPractice ? '--practice-bar' : '--accent'),
              stroke: ink(isPractice ? '--practice-bar' : '--accent'),
              width: 0,
              points: { show: false },
              ...(drawBars ? { paths: drawBars } : {}),
            },
          ],
        },
        [bars.map((_, index) => index), bars.map((bar) => bar.value)],
        target,
      );
    };
    let plot = draw();
    const redraw = () => {
      plot.destroy();
      plot = draw();
    };
    const scheme = window.matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', redraw);
    const size = new ResizeObserver(() => {
      if (Math.abs(plot.width - target.clientWidth) > 1) redraw();
    });
    size.observe(target);
    return () => {
      scheme.removeEventListener('change', redraw);
      size.disconnect();
      plot.destroy();
    };
  }, [signature]);

  return <div className="chart" ref={box} role="img" aria-label={props.label} />;
}
