// Charts, drawn as SVG, each with its numbers as a table beside it.

import { useEffect, useRef, useState } from "preact/hooks";
import { count } from "./words.ts";

export interface Series {
  name: string;
  style: string;
  values: number[];
}

const HEIGHT = 200;
const LEFT = 44;
const LABEL = 76;
const BOTTOM = 22;
const TOP = 8;

/** Draws stacked columns over time. */
export function Columns(props: { label: string; times: Date[]; width: number; series: Series[] }) {
  const { label, times, width, series } = props;
  const [figure, wide] = useWidth();
  const totals = times.map((_, at) => series.reduce((sum, each) => sum + (each.values[at] ?? 0), 0));
  const top = ceiling(Math.max(1, ...totals));
  const step = (wide - LEFT) / Math.max(1, times.length);
  const y = (value: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  const format = formatOf(width * times.length);
  const every = Math.ceil(LABEL / step);
  return (
    <figure class="chart" ref={figure}>
      <svg width={wide} height={HEIGHT} role="img" aria-label={`${label}: ${total(series)}`}>
        {[0, 0.5, 1].map((part) => (
          <g key={part}>
            <line class="rule" x1={LEFT} x2={wide} y1={y(part * top)} y2={y(part * top)} />
            <text class="tick" x={LEFT - 6} y={y(part * top) + 4} text-anchor="end">
              {count(part * top)}
            </text>
          </g>
        ))}
        {times.map((time, at) => {
          let below = 0;
          return (
            <g key={time.getTime()}>
              <title>{`${format(time)}: ${count(totals[at] ?? 0)}`}</title>
              <rect class="hit" x={LEFT + at * step} y={TOP} width={step} height={HEIGHT - TOP - BOTTOM} />
              {series.map((each) => {
                const value = each.values[at] ?? 0;
                const bottom = y(below);
                below += value;
                const tall = bottom - y(below);
                return value ? (
                  <rect
                    key={each.name}
                    class={`fill ${each.style}`}
                    x={LEFT + at * step + step * 0.12}
                    y={y(below)}
                    width={step * 0.76}
                    height={tall}
                  />
                ) : null;
              })}
              {at % every === 0 && (
                <text class="tick" x={LEFT + at * step} y={HEIGHT - 6}>
                  {format(time)}
                </text>
              )}
            </g>
          );
        })}
      </svg>
      <Legend series={series} />
      <Numbers label={label} times={times} format={format} series={series} />
    </figure>
  );
}

/** Returns how wide an element is, whenever that changes: text in a chart does not grow with it. */
function useWidth() {
  const element = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(320);
  useEffect(() => {
    if (!element.current) return;
    const observer = new ResizeObserver(([seen]) => seen && setWidth(seen.contentRect.width));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, width] as const;
}

function Legend({ series }: { series: Series[] }) {
  return (
    <ul class="legend">
      {series.map((each) => (
        <li key={each.name}>
          <span class={`swatch ${each.style}`} aria-hidden="true" />
          {each.name} <span class="dim">{count(sum(each.values))}</span>
        </li>
      ))}
    </ul>
  );
}

function Numbers(props: {
  label: string;
  times: Date[];
  format: (time: Date) => string;
  series: Series[];
}) {
  return (
    <details>
      <summary>The numbers as a table</summary>
      <div class="scroll" tabIndex={0} role="group" aria-label={`${props.label}, as a table`}>
        <table class="list numbers">
          <thead>
            <tr>
              <th scope="col">From</th>
              {props.series.map((each) => (
                <th key={each.name} scope="col">
                  {each.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {props.times.map((time, at) => (
              <tr key={time.getTime()}>
                <th scope="row">{props.format(time)}</th>
                {props.series.map((each) => (
                  <td key={each.name}>{count(each.values[at] ?? 0)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** Draws a bar for each row, with its number. */
export function Bars({ label, rows }: { label: string; rows: [string, string, number][] }) {
  const most = Math.max(1, ...rows.map(([, , value]) => value));
  return (
    <table class="bars">
      <caption class="hidden">{label}</caption>
      <tbody>
        {rows.map(([name, style, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td class="bar" aria-hidden="true">
              <svg width="100%" height="14">
                <rect class={`fill ${style}`} width={`${(100 * value) / most}%`} height="14" rx="3" />
              </svg>
            </td>
            <td class="value">{count(value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function total(series: Series[]): string {
  return series.map((each) => `${each.name} ${count(sum(each.values))}`).join(", ") || "nothing";
}

/** Returns a round number that is not below a value, and has a whole half. */
function ceiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const round = [1, 2, 4, 6, 10].map((each) => each * power).find((each) => each >= value) ?? value;
  return round % 2 ? round + 1 : round;
}

function formatOf(span: number): (time: Date) => string {
  const options: Intl.DateTimeFormatOptions =
    span <= 86_400_000
      ? { hour: "2-digit", minute: "2-digit" }
      : { month: "short", day: "numeric", ...(span <= 604_800_000 && { hour: "2-digit" }) };
  const format = new Intl.DateTimeFormat(undefined, options);
  return (time) => format.format(time);
}
