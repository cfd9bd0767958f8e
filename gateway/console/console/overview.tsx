// What goes on in an org: what comes through which dialect, how much of it fails, what there is.

import { useEffect, useState } from "preact/hooks";
import { get, tally } from "./api.ts";
import { Bars, Columns, type Series } from "./chart.tsx";
import type { Desk } from "./console.tsx";
import { useEvery, useLoaded, useSoon } from "./load.ts";
import { Dialect, Empty, Panel, Problem, Title } from "./parts.tsx";
import type { Overview } from "./types.ts";
import { colour, count, dialect, plain } from "./words.ts";

const PERIODS: [string, number, number][] = [
  ["Hour", 3_600, 30],
  ["Day", 86_400, 24],
  ["Week", 604_800, 28],
  ["Month", 2_592_000, 30],
];
const STATES = ["LOGGED", "ACTIVE", "WAITING", "RESOLVED", "CLOSED", "CANCELLED"];
const RUNS = [
  "QUEUED",
  "INITIATED",
  "RUNNING",
  "PENDING_APPROVAL",
  "APPROVED",
  "SUCCEEDED",
  "FAILED",
  "CANCELLED",
];

export function OverviewPart({ desk }: { desk: Desk }) {
  const [index, setIndex] = useState(1);
  const [, seconds, buckets] = PERIODS[index] ?? ["", 86_400, 24];
  const found = useLoaded(`${desk.org} ${seconds}`, (signal) =>
    get<Overview>(`${desk.org}/overview`, { period: `${seconds}s`, buckets }, signal),
  );
  const again = useSoon(2_000, found.again);
  useEvery(30, found.again);
  useEffect(() => desk.feed.hear(again), [desk.feed, again]);
  const overview = found.value;
  return (
    <>
      <Title text="Overview">
        <fieldset class="periods">
          <legend class="hidden">Period</legend>
          {PERIODS.map(([name], at) => (
            <label key={name} class="check">
              <input type="radio" name="period" checked={at === index} onChange={() => setIndex(at)} />
              {name}
            </label>
          ))}
        </fieldset>
      </Title>
      <Problem text={found.error} />
      {overview && <Charts overview={overview} />}
    </>
  );
}

function Charts({ overview }: { overview: Overview }) {
  const width = Number.parseFloat(overview.bucketDuration) * 1000;
  const times = (overview.runEnds[0]?.counts ?? []).map(
    (_, at) => new Date(Date.parse(overview.startTime) + at * width),
  );
  const changes = overview.activities.map((each) => ({
    name: dialect(each.dialect),
    style: `c${colour(each.dialect)}`,
    values: each.changes,
  }));
  const ends: Series[] = overview.runEnds.map((each) => ({
    name: plain(each.state, "STATE_"),
    style: each.state.toLowerCase(),
    values: each.counts,
  }));
  return (
    <>
      {overview.truncated && (
        <p class="dim">More has happened than is counted: what is oldest here is not complete.</p>
      )}
      <div class="grid">
        <Panel title="What came through each dialect" class="full">
          <Columns label="Changes by dialect" times={times} width={width} series={changes} />
        </Panel>
        <Panel title="Tickets by state">
          <Bars
            label="Tickets by state"
            rows={STATES.map((state) => [
              plain(state, ""),
              `state_${state.toLowerCase()}`,
              sum(overview.tickets.filter((each) => each.state === `STATE_${state}`)),
            ])}
          />
        </Panel>
        <Panel title="Runs by state">
          <Bars
            label="Runs by state"
            rows={RUNS.map((state) => [
              plain(state, ""),
              `state_${state.toLowerCase()}`,
              sum(overview.runs.filter((each) => each.state === `STATE_${state}`)),
            ])}
          />
        </Panel>
        <Panel title="How runs ended">
          <Columns label="Ends of runs" times={times} width={width} series={ends} />
        </Panel>
        <Panel title="What failed">
          <Failures overview={overview} />
        </Panel>
      </div>
    </>
  );
}

function sum(counts: { count: number }[]): number {
  return counts.reduce((total, each) => total + each.count, 0);
}

function Failures({ overview }: { overview: Overview }) {
  const add = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);
  const rows = overview.activities.map((each) => ({
    via: each.dialect,
    all: add(each.changes),
    failed: add(each.failures),
  }));
  return (
    <>
      {rows.length === 0 && <Empty>Nothing has happened.</Empty>}
      {rows.length > 0 && (
        <table class="list numbers">
          <thead>
            <tr>
              <th scope="col">Through</th>
              <th scope="col">Changes</th>
              <th scope="col">Failures</th>
              <th scope="col">Rate</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ via, all, failed }) => (
              <tr key={via}>
                <td>
                  <Dialect via={via} />
                </td>
                <td>{count(all)}</td>
                <td>{count(failed)}</td>
                <td>{((100 * failed) / all).toFixed(1)} %</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p class="dim">
        Failed runs, orders that policy has refused, and rules that could not start their runs. Of this
        page's own {count(tally.calls)} calls, {count(tally.refused)} were refused and{" "}
        {count(tally.failed)} failed.
      </p>
    </>
  );
}
