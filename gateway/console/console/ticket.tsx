// One ticket: what it says, its journal, its history, its runs, and how each dialect sees it.

import { useEffect, useState } from "preact/hooks";
import { get, look, post, words } from "./api.ts";
import type { Desk } from "./console.tsx";
import { useLoaded, useNow, useSoon } from "./load.ts";
import {
  Dialect,
  Dialects,
  Empty,
  Facts,
  Panel,
  Problem,
  State,
  Time,
  Title,
} from "./parts.tsx";
import { go, href } from "./route.ts";
import type { FieldChange, Note, Run, Ticket, TicketChange } from "./types.ts";
import { views, type View } from "./views.ts";
import { id as idOf, plain } from "./words.ts";

interface Record {
  ticket: Ticket;
  notes: Note[];
  changes: TicketChange[];
  runs: Run[];
}

export function TicketDetail({ desk, id }: { desk: Desk; id: string }) {
  const name = `tickets/${id}`;
  const record = useLoaded(`${desk.org} ${name}`, (signal) => read(desk.org, name, signal));
  const again = useSoon(100, record.again);
  useEffect(
    () => desk.feed.hear((told) => told.some(({ ticket }) => ticket?.name === name) && again()),
    [desk.feed, name, again],
  );
  useEffect(() => {
    const back = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
      if (event.key === "Escape" && !typing) go(desk.org, "tickets");
    };
    addEventListener("keydown", back);
    return () => removeEventListener("keydown", back);
  }, [desk.org]);
  const back = (
    <a class="back" href={href(desk.org, "tickets")}>
      All tickets
    </a>
  );
  if (!record.value) {
    return (
      <>
        {back}
        <Problem text={record.error} />
      </>
    );
  }
  const { ticket, notes, changes, runs } = record.value;
  return (
    <>
      {back}
      <Head ticket={ticket} changes={changes} />
      <Problem text={record.error} />
      <div class="columns">
        <Journal desk={desk} ticket={ticket} notes={notes} again={record.again} />
        <div class="stack">
          {runs.length > 0 && <RunsOf desk={desk} runs={runs} />}
          <History changes={changes} />
        </div>
      </div>
      <Views ticket={ticket} />
    </>
  );
}

function Head({ ticket, changes }: { ticket: Ticket; changes: TicketChange[] }) {
  const now = useNow(15);
  const vias = [...new Set(changes.map((change) => change.via).reverse())];
  return (
    <section class="ticket">
      <Title text={ticket.summary || ticket.number}>
        <State value={ticket.state} />
      </Title>
      <p class="under">
        <span class="number">{ticket.number}</span> {plain(ticket.kind, "KIND_")}{" "}
        <Dialects vias={vias} />
      </p>
      {ticket.description && <p class="text">{ticket.description}</p>}
      <Facts
        facts={[
          ["Waits for", ticket.waitReason],
          ["Priority", plain(ticket.priority, "PRIORITY_")],
          ["Impact", plain(ticket.impact, "LEVEL_")],
          ["Urgency", plain(ticket.urgency, "LEVEL_")],
          ["Category", ticket.category],
          ["Requester", ticket.requester],
          ["Assignee", ticket.assignee],
          ["Group", ticket.assignmentGroup],
          ["Part of", ticket.parentNumber],
          ["Automation", plain(ticket.executionStatus, "EXECUTION_STATUS_")],
          ["Opened", <Time value={ticket.openTime} now={now} />],
          ["Changed", <Time value={ticket.updateTime} now={now} />],
          ["Resolved", ticket.resolveTime && <Time value={ticket.resolveTime} now={now} />],
          ["Resolution", ticket.resolution],
          ["Cause", ticket.causeCode],
          ["Deleted", ticket.deleteTime && <Time value={ticket.deleteTime} now={now} />],
        ]}
      />
    </section>
  );
}

function Journal(props: { desk: Desk; ticket: Ticket; notes: Note[]; again: () => void }) {
  const now = useNow(15);
  return (
    <Panel title="Journal">
      {props.notes.length === 0 && <Empty>Nobody has said anything yet.</Empty>}
      <ol class="notes">
        {props.notes.map((note) => (
          <li key={note.name} class={note.kind.toLowerCase()}>
            <p class="under">
              <strong>{note.author}</strong> {plain(note.kind, "KIND_")}{" "}
              <Time value={note.noteTime} now={now} /> <Dialect via={note.via} />
            </p>
            {note.email && (
              <p class="under">
                {note.email.sender} to {note.email.recipients.join(", ")}
              </p>
            )}
            {note.subject && <p class="text subject">{note.subject}</p>}
            {note.body && <p class="text">{note.body}</p>}
          </li>
        ))}
      </ol>
      {props.desk.agent && !props.ticket.deleteTime && <NewNote {...props} />}
    </Panel>
  );
}

function NewNote({ ticket, again }: { ticket: Ticket; again: () => void }) {
  const [problem, setProblem] = useState("");
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const said = new FormData(form);
    try {
      const body = { kind: said.get("kind"), body: said.get("body") };
      await post(`${ticket.name}/notes`, body);
      form.reset();
      setProblem("");
      again();
    } catch (error) {
      setProblem(words(error));
    }
  }
  return (
    <form class="note" onSubmit={submit}>
      <label>
        New note
        <textarea name="body" rows={3} required maxLength={65536} />
      </label>
      <Problem text={problem} />
      <div class="row-of">
        <label>
          <span class="hidden">Kind of note</span>
          <select name="kind">
            <option value="KIND_WORK_NOTE">For the staff</option>
            <option value="KIND_COMMENT">For the requester, too</option>
          </select>
        </label>
        <button class="main">Add</button>
      </div>
    </form>
  );
}

function RunsOf({ desk, runs }: { desk: Desk; runs: Run[] }) {
  const now = useNow(15);
  return (
    <Panel title="Runs">
      <ul class="plain">
        {runs.map((run) => (
          <li key={run.name}>
            <State value={run.state} />{" "}
            <a href={href(desk.org, "runs", idOf(run.name))}>{run.title}</a>{" "}
            <span class="dim">
              <Time value={run.createTime} now={now} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function History({ changes }: { changes: TicketChange[] }) {
  const now = useNow(15);
  return (
    <Panel title="History">
      <ol class="history" tabIndex={0} aria-label="History, the last change first">
        {changes.map((change) => (
          <li key={change.sequence}>
            <p class="under">
              <strong>{change.action}</strong> by {change.actor}{" "}
              <Time value={change.changeTime} now={now} /> <Dialect via={change.via} />
            </p>
            {change.action !== "create" && change.fields.length > 0 && (
              <ul class="fields">
                {change.fields.map((field) => (
                  <Field key={field.field} field={field} />
                ))}
              </ul>
            )}
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function Field({ field }: { field: FieldChange }) {
  const [old, now] = [shown(field.oldJson), shown(field.newJson)];
  if (old === now) return null;
  return (
    <li>
      <span class="name">{field.field}</span>{" "}
      {old && (
        <>
          <del>{old}</del>{" "}
        </>
      )}
      <ins>{now || "–"}</ins>
    </li>
  );
}

/** Writes a value of the history so that it fits a line: of an object, its own fields. */
function shown(json: string): string {
  if (!json) return "";
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return json;
  }
  const text = brief(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

function brief(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (isPart(value)) return PART.map((name) => value[name]).filter(Boolean).join(", ");
  if (isRun(value)) return [value.title, value.state, value.message].filter(Boolean).join(", ");
  if (Array.isArray(value)) return value.map(brief).join(", ");
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .filter(([, each]) => each !== null && each !== "")
    .map(([name, each]) => `${name} ${brief(each)}`)
    .join(", ");
}

// What a note, a link and an attachment say to people; they stand whole in the history.
const PART = ["subject", "body", "system", "key", "url", "file_name", "content_type"];

function isPart(value: unknown): value is { [name: string]: unknown } {
  return typeof value === "object" && value !== null && "id" in value && "ticket" in value;
}

function isRun(value: unknown): value is { title: string; state: string; message: string } {
  return typeof value === "object" && value !== null && "title" in value && "state" in value;
}

interface Seen {
  view: View;
  status: number;
  rows: [string, string][];
}

function Views({ ticket }: { ticket: Ticket }) {
  const [empty, setEmpty] = useState(false);
  const seen = useLoaded(`${ticket.name} ${ticket.updateTime}`, () =>
    Promise.all(views(ticket).map(see)),
  );
  const beside = (
    <label class="check">
      <input
        type="checkbox"
        checked={empty}
        onChange={(event) => setEmpty(event.currentTarget.checked)}
      />
      Show what is empty
    </label>
  );
  return (
    <Panel title="As each dialect sees it" class="views" beside={beside}>
      <Problem text={seen.error} />
      <div class="side" tabIndex={0} role="group" aria-label="Views, side by side">
        {seen.value?.map(({ view, status, rows }) => (
          <article key={view.title} aria-label={view.title}>
            <h3>
              <Dialect via={view.via} /> {view.title}
            </h3>
            <p class="under">
              Answered {status} to
              <span class="path" title={decodeURI(view.path)}>
                GET {decodeURI(view.path)}
              </span>
            </p>
            <dl class="raw">
              {rows
                .filter(([, value]) => empty || value.trim())
                .map(([name, value]) => (
                  <div key={name}>
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                  </div>
                ))}
            </dl>
          </article>
        ))}
      </div>
    </Panel>
  );
}

async function see(view: View): Promise<Seen> {
  const { status, body } = await look(view.path, view.headers);
  return { view, status, rows: [...flat(body, "")].map(([name, value]) => [short(name), value]) };
}

/** Leaves out what tells nothing of one ticket: where in the answer it stands, as the only one. */
function short(name: string): string {
  return name.replace(/^(results?(\[0\])?|value\[0\]|ticketDetails)\./i, "");
}

/** Lists what an answer says, a line for each value: `notes[0].body`. */
function* flat(value: unknown, name: string): Generator<[string, string]> {
  if (value === null || typeof value !== "object") yield [name, value === null ? "" : String(value)];
  else if (Array.isArray(value)) {
    if (!value.length) yield [name, ""];
    for (const [index, each] of value.entries()) yield* flat(each, `${name}[${index}]`);
  } else {
    for (const [key, each] of Object.entries(value)) yield* flat(each, name ? `${name}.${key}` : key);
  }
}

async function read(org: string, name: string, signal: AbortSignal): Promise<Record> {
  const [ticket, notes, changes, runs] = await Promise.all([
    get<Ticket>(name, {}, signal),
    all<Note>(`${name}/notes`, "notes", signal),
    all<TicketChange>(`${name}/changes`, "changes", signal),
    get<{ runs: Run[] }>(`${org}/runs`, { ticket: name }, signal),
  ]);
  return { ticket, notes: notes.reverse(), changes: changes.reverse(), runs: runs.runs };
}

/** Reads all pages, up to a thousand entries. */
async function all<T>(path: string, field: string, signal: AbortSignal): Promise<T[]> {
  const found: T[] = [];
  let pageToken = "";
  do {
    const page: { [name: string]: unknown } = await get(path, { pageSize: 100, pageToken }, signal);
    found.push(...((page[field] as T[]) ?? []));
    pageToken = String(page["nextPageToken"] ?? "");
  } while (pageToken && found.length < 1000);
  return found;
}
