// The tickets of an org, the last changed one first, as they come and change.

import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "./api.ts";
import type { Desk } from "./console.tsx";
import type { Told } from "./feed.ts";
import { useStanding } from "./feed.ts";
import { EVERYTHING, expression, fits, type Wanted } from "./filter.ts";
import { useLoaded, useNow, useSoon } from "./load.ts";
import { byArrows, Dialects, Empty, Problem, State, Time, Title } from "./parts.tsx";
import { href } from "./route.ts";
import type { Ticket } from "./types.ts";
import { dialect, id, plain } from "./words.ts";

interface Rows {
  tickets: Ticket[];
  vias: Map<string, string[]>;
  next: string;
  fresh: Set<string>;
}

const PAGE = 100;
const MOST = 500;
const KINDS = [
  "INCIDENT",
  "SERVICE_REQUEST_TASK",
  "CHANGE_TASK",
  "EVENT",
  "SUB_TASK",
  "PROBLEM",
];
const STATES = ["LOGGED", "ACTIVE", "WAITING", "RESOLVED", "CLOSED", "CANCELLED"];

let remembered = EVERYTHING; // so that whoever comes back from a ticket finds what was left

export function Tickets({ desk }: { desk: Desk }) {
  const [wanted, setWanted] = useState<Wanted>(remembered);
  remembered = wanted;
  const filter = useSettled(expression(wanted));
  const list = useLoaded<Rows>(`${desk.org} ${filter}`, (signal) =>
    page(desk.org, filter, "", signal),
  );
  const [news, setNews] = useState("");
  const again = useSoon(500, list.again);
  const standing = useStanding(desk.feed);
  const latest = useRef(list);
  latest.current = list;

  useEffect(() => {
    if (standing === "live") latest.current.again(); // what came before the watch is not told by it
  }, [standing]);

  useEffect(
    () =>
      desk.feed.hear((told) => {
        const { value, put } = latest.current;
        if (wanted.expression || !value) return again();
        put(merged(value, told, wanted));
        const made = told.filter(({ change }) => change.action === "create").length;
        if (made) setNews(made === 1 ? "1 new ticket" : `${made} new tickets`);
      }),
    [desk.feed, wanted, again],
  );

  const rows = list.value;
  const shown = rows?.tickets.filter(
    (ticket) => !wanted.via || rows.vias.get(ticket.name)?.includes(wanted.via),
  );
  return (
    <>
      <Title text="Tickets">
        <span class="dim" role="status">
          {news}
        </span>
      </Title>
      <Filter wanted={wanted} change={setWanted} vias={rows ? viasOf(rows) : []} />
      <Problem text={list.error} />
      {shown && rows && <List org={desk.org} tickets={shown} rows={rows} />}
      {rows?.next && (
        <button
          class="more"
          onClick={async () => {
            const more = await page(desk.org, filter, rows.next);
            list.put(joined(latest.current.value ?? rows, more));
          }}
        >
          Show more
        </button>
      )}
    </>
  );
}

function Filter(props: { wanted: Wanted; change: (wanted: Wanted) => void; vias: string[] }) {
  const { wanted, change, vias } = props;
  const set = (name: keyof Wanted) => (event: { currentTarget: { value: string } }) =>
    change({ ...wanted, [name]: event.currentTarget.value });
  return (
    <form class="filter" role="search" onSubmit={(event) => event.preventDefault()}>
      <label class="grow">
        Text
        <input type="search" value={wanted.text} onInput={set("text")} placeholder="Number, summary, people" />
      </label>
      <Choice name="Kind" value={wanted.kind} options={KINDS} change={set("kind")} />
      <Choice name="State" value={wanted.state} options={STATES} change={set("state")} />
      <Choice name="Dialect" value={wanted.via} options={vias} named={dialect} change={set("via")} />
      <label class="grow">
        Filter
        <input
          value={wanted.expression}
          onInput={set("expression")}
          placeholder={'priority >= HIGH AND NOT assignee:*'}
          spellcheck={false}
          autoCapitalize="none"
        />
      </label>
    </form>
  );
}

export function Choice(props: {
  name: string;
  value: string;
  options: string[];
  named?: (option: string) => string;
  change: (event: { currentTarget: { value: string } }) => void;
}) {
  const named = props.named ?? ((option: string) => plain(option, ""));
  return (
    <label>
      {props.name}
      <select value={props.value} onChange={props.change}>
        <option value="">Any</option>
        {props.options.map((option) => (
          <option key={option} value={option}>
            {named(option)}
          </option>
        ))}
      </select>
    </label>
  );
}

function List({ org, tickets, rows }: { org: string; tickets: Ticket[]; rows: Rows }) {
  const now = useNow(15);
  if (!tickets.length) return <Empty>No ticket fits.</Empty>;
  return (
    <table class="list" onKeyDown={byArrows}>
      <caption class="hidden">Tickets, the last changed one first</caption>
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col">Ticket</th>
          <th scope="col" class="wide">
            Priority
          </th>
          <th scope="col" class="wide">
            Assigned to
          </th>
          <th scope="col">Changed</th>
        </tr>
      </thead>
      <tbody>
        {tickets.map((ticket) => (
          <tr key={ticket.name} class={rows.fresh.has(ticket.name) ? "fresh" : ""}>
            <td>
              <State value={ticket.state} />
            </td>
            <td class="subject">
              <a class="row" href={href(org, "tickets", id(ticket.name))}>
                {ticket.summary || ticket.number}
              </a>
              <span class="under">
                <span class="number">{ticket.number}</span> {plain(ticket.kind, "KIND_")}{" "}
                <Dialects vias={rows.vias.get(ticket.name) ?? []} />
              </span>
            </td>
            <td class="wide">{plain(ticket.priority, "PRIORITY_")}</td>
            <td class="wide who">
              {[ticket.assignee, ticket.assignmentGroup].filter(Boolean).join(" · ")}
            </td>
            <td class="when">
              <Time value={ticket.updateTime} now={now} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Reads a page, and through which dialects its tickets have come. */
async function page(
  org: string,
  filter: string,
  token: string,
  signal?: AbortSignal,
): Promise<Rows> {
  const listed = await get<{ tickets: Ticket[]; nextPageToken: string }>(
    `${org}/tickets`,
    {
      filter,
      orderBy: "update_time desc",
      pageSize: PAGE,
      pageToken: token,
      readMask:
        "name,kind,number,summary,state,priority,requester,assignee,assignment_group,update_time",
    },
    signal,
  );
  const names = listed.tickets.map((ticket) => ticket.name);
  const vias = new Map<string, string[]>();
  if (names.length) {
    const found = await get<{ tickets: { name: string; dialects: string[] }[] }>(
      `${org}/ticketDialects`,
      { names },
      signal,
    );
    for (const each of found.tickets) vias.set(each.name, each.dialects);
  }
  return { tickets: listed.tickets, vias, next: listed.nextPageToken, fresh: new Set() };
}

/** Puts what has happened on top of what is shown. */
function merged(rows: Rows, told: Told[], wanted: Wanted): Rows {
  const tickets = new Map(rows.tickets.map((ticket) => [ticket.name, ticket]));
  const vias = new Map(rows.vias);
  const fresh = new Set<string>();
  for (const { change, ticket } of told) {
    if (!ticket) continue;
    const known = vias.get(ticket.name) ?? [];
    if (!known.includes(change.via)) vias.set(ticket.name, [...known, change.via]);
    tickets.delete(ticket.name);
    if (ticket.deleteTime || !fits(ticket, wanted)) continue;
    tickets.set(ticket.name, ticket);
    fresh.add(ticket.name);
  }
  const sorted = [...tickets.values()].sort((a, b) => order(b, a));
  return { ...rows, tickets: sorted.slice(0, MOST), vias, fresh };
}

function order(one: Ticket, other: Ticket): number {
  const times = Date.parse(one.updateTime) - Date.parse(other.updateTime);
  return times || Number(id(one.name)) - Number(id(other.name));
}

function joined(rows: Rows, more: Rows): Rows {
  const known = new Set(rows.tickets.map((ticket) => ticket.name));
  return {
    ...more,
    tickets: [...rows.tickets, ...more.tickets.filter((ticket) => !known.has(ticket.name))],
    vias: new Map([...more.vias, ...rows.vias]),
  };
}

function viasOf(rows: Rows): string[] {
  return [...new Set([...rows.vias.values()].flat())].sort();
}

/** Returns a text when nobody has changed it for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), 250);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
