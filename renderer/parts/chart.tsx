/** Bar chart of amounts by day. It is drawn on a canvas, so a table with the same numbers accompanies it. */
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';

/** 1, 2, 5, 10, 20, 50 … base units. */
const WHOLE_STEPS = Array.from({ length: 48 }, (_, index) => [1, 2, 5][index % 3] ?? 1).map(
  (step, index) => step * 10 ** Math.floor(index / 3),
);

export interface DayBar {
  /** `YYYY-MM-DD`. */
  readonly day: string;
  /** Sets the height of the bar only; the text comes from `writeValue`. */
  readonly value: number;
}

interface DayChartProps {
  readonly bars: readonly DayBar[];
  /** For screen readers. */
  readonly label: string;
  readonly writeDay: (day: string) => string;
  readonly writeValue: (value: number) => string;
  readonly isPractice: boolean;
}

export function DayChart(props: DayChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const signature = JSON.stringify([props.bars, props.label, props.isPractice]);

  // Dependencies: the signature contains everything that is drawn
  useEffect(() => {
    const target = box.current;
    if (!target) return;
    return keepDrawn(target, () => drawChart(target, latest.current));
  }, [signature]);

  return <div className="chart" ref={box} role="img" aria-label={props.label} />;
}

/** Draws the chart, and draws it again when the color scheme or the width changes. Returns a function that stops it. */
function keepDrawn(target: HTMLElement, draw: () => uPlot): () => void {
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
}

function drawChart(target: HTMLElement, props: DayChartProps): uPlot {
  const { bars, isPractice } = props;
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const color = cssColor(target, isPractice ? '--practice-bar' : '--accent');
  const paths = uPlot.paths.bars?.({ size: [0.62, 40], radius: 0.15 });
  const options: uPlot.Options = {
    width: Math.max(240, target.clientWidth),
    height: 15 * rem,
    padding: [rem * 0.75, rem * 0.5, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: [-0.6, bars.length - 0.4] },
      y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] },
    },
    axes: axes(target, rem, props),
    series: [
      {},
      { fill: color, stroke: color, width: 0, points: { show: false }, ...(paths ? { paths } : {}) },
    ],
  };
  return new uPlot(options, [bars.map((_, index) => index), bars.map((bar) => bar.value)], target);
}

function axes(target: HTMLElement, rem: number, { bars, writeDay, writeValue }: DayChartProps): uPlot.Axis[] {
  const axis: uPlot.Axis = {
    stroke: cssColor(target, '--ink-soft'),
    font: `${0.75 * rem}px ${cssVariable('--font')}`,
    ticks: { show: false },
  };
  const dayAt = (position: number) => {
    const bar = Number.isInteger(position) ? bars[position] : undefined;
    return bar ? writeDay(bar.day) : '';
  };
  return [
    {
      ...axis,
      grid: { show: false },
      space: 5 * rem,
      size: 2 * rem,
      incrs: [1, 2, 5, 7, 14, 30],
      values: (_, splits) => splits.map(dayAt),
    },
    {
      ...axis,
      grid: { stroke: cssColor(target, '--line'), width: 1 },
      size: 4.25 * rem,
      space: 2.75 * rem,
      // Whole base units only: a grid line between two of them would get a wrong label.
      incrs: WHOLE_STEPS,
      values: (_, splits) => splits.map(writeValue),
    },
  ];
}

/** Colors are resolved on an element: the property itself holds both of light-dark(). */
function cssColor(target: HTMLElement, name: string): string {
  const before = target.style.color;
  target.style.color = `var(${name})`;
  const color = getComputedStyle(target).color;
  target.style.color = before;
  return color;
}

function cssVariable(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
