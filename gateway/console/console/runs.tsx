// The runs of an org, the newest first.

import { useState } from "preact/hooks";
import { get } from "./api.ts";
import type { Desk } from "./console.tsx";
import { useEvery, useLoaded, useNow } from "./load.ts";
import { byArrows, Empty, Problem, State, Time, Title } from "./parts.tsx";
import { href } from "./route.ts";
import { Choice } from "./tickets.tsx";
import type { Run } from "./types.ts";
import { id, span } from "./words.ts";

const STATES = [
  "QUEUED",
  "INITIATED",
  "RUNNING",
  "PENDING_APPROVAL",
  "APPROVED",
  "SUCCEEDED",
  "FAILED",
  "CANCELLED",
];

let remembered = "";

export function Runs({ desk }: { desk: Desk }) {
  const [state, setState] = useState(remembered);
  remembered = state;
  const states = state && `STATE_${state}`;
  const list = useLoaded(`${desk.org} ${state}`, (signal) =>
    get<{ runs: Run[]; nextPageToken: string }>(`${desk.org}/runs`, { states }, signal),
  );
  useEvery(3, list.again);
  const runs = list.value?.runs;
  return (
    <>
      <Title text="Runs" />
      <form class="filter">
        <Choice
          name="State"
          value={state}
          options={STATES}
          change={(event) => setState(event.currentTarget.value)}
        />
      </form>
      <Problem text={list.error} />
      {runs && <List org={desk.org} runs={runs} />}
      {list.value?.nextPageToken && <p class="dim">The newest 50 are shown.</p>}
    </>
  );
}

function List({ org, runs }: { org: string; runs: Run[] }) {
  const now = useNow(3);
  if (!runs.length) return <Empty>There is no such run.</Empty>;
  return (
    <table class="list" onKeyDown={byArrows}>
      <caption class="hidden">Runs, the newest first</caption>
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col">Run</th>
          <th scope="col" class="wide">
            Ticket
          </th>
          <th scope="col" class="wide">
            Took
          </th>
          <th scope="col">Recorded</th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => (
          <tr key={run.name}>
            <td>
              <State value={run.state} />
            </td>
            <td class="subject">
              <a class="row" href={href(org, "runs", id(run.name))}>
                {run.title}
              </a>
              <span class="under">
                <span class="number">{id(run.name)}</span> by {run.actor} {run.message}
              </span>
            </td>
            <td class="wide">
              {run.ticket && <a href={href(org, "tickets", id(run.ticket))}>{id(run.ticket)}</a>}
            </td>
            <td class="wide">{span(run.startTime, run.endTime, now)}</td>
            <td class="when">
              <Time value={run.createTime} now={now} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
