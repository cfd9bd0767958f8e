// One run: its graph, its output as it comes, and what somebody may decide of it.

import { useEffect, useRef, useState } from "preact/hooks";
import { listen, pause, post, Refused, words } from "./api.ts";
import type { Desk } from "./console.tsx";
import { Graph } from "./graph.tsx";
import { useNow } from "./load.ts";
import { Empty, Facts, Panel, Problem, State, Time, Title } from "./parts.tsx";
import { go, href } from "./route.ts";
import type { Line, Node, Run, RunAnswer } from "./types.ts";
import { id as idOf, plain, span } from "./words.ts";

const ENDED = ["STATE_FAILED", "STATE_SUCCEEDED", "STATE_CANCELLED"];
const MOST_LINES = 5_000;

export function RunDetail({ desk, id }: { desk: Desk; id: string }) {
  const { run, lines, problem } = useRun(`runs/${id}`);
  const [chosen, setChosen] = useState("");
  const now = useNow(1);
  const back = (
    <a class="back" href={href(desk.org, "runs")}>
      All runs
    </a>
  );
  if (!run) {
    return (
      <>
        {back}
        <Problem text={problem} />
      </>
    );
  }
  return (
    <>
      {back}
      <Title text={run.title || `Run ${id}`}>
        <State value={run.state} />
      </Title>
      <Problem text={problem} />
      {run.message && <p class="text">{run.message}</p>}
      <Decisions desk={desk} run={run} />
      <Facts
        facts={[
          ["Run", id],
          ["Ticket", run.ticket && link(desk, "tickets", run.ticket)],
          ["Started by", run.actor],
          ["Recorded", <Time value={run.createTime} now={now} />],
          ["Took", span(run.startTime, run.endTime, now)],
          ["Goes on with", run.rerunOf && link(desk, "runs", run.rerunOf)],
          ...Object.entries(run.parameters),
        ]}
      />
      <Panel title="Graph">
        {run.nodes.length ? (
          <Graph nodes={run.nodes} chosen={chosen} choose={setChosen} />
        ) : (
          <Empty>A tool outside carries it out.</Empty>
        )}
        <Nodes nodes={run.nodes} now={now} />
      </Panel>
      <Output lines={lines} node={chosen} live={!ENDED.includes(run.state)} />
    </>
  );
}

function link(desk: Desk, part: string, name: string) {
  return <a href={href(desk.org, part, idOf(name))}>{idOf(name)}</a>;
}

/** Follows a run: it and its lines, each once, over whatever happens to the connection. */
function useRun(name: string) {
  const [run, setRun] = useState<Run | undefined>();
  const [lines, setLines] = useState<Line[]>([]);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const end = new AbortController();
    void follow(name, end.signal, {
      run: (heard) => (setProblem(""), setRun(heard)),
      lines: (more) => setLines((known) => [...known, ...more].slice(-MOST_LINES)),
      problem: setProblem,
    });
    return () => end.abort();
  }, [name]);
  return { run, lines, problem };
}

interface Hearer {
  run: (run: Run) => void;
  lines: (lines: Line[]) => void;
  problem: (words: string) => void;
}

async function follow(name: string, signal: AbortSignal, hearer: Hearer): Promise<void> {
  let cursor = "";
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      for await (const answer of listen<RunAnswer>(`${name}:watch`, { cursor }, signal)) {
        if (answer.error) break;
        failures = 0;
        cursor = answer.cursor;
        if (answer.output) hearer.lines(answer.output.lines);
        if (answer.run) hearer.run(answer.run);
        if (answer.run && ENDED.includes(answer.run.state)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      hearer.problem(words(error));
      if (error instanceof Refused && error.status < 500 && error.status !== 429) return;
    }
    await pause(failures, signal);
  }
}

function Decisions({ desk, run }: { desk: Desk; run: Run }) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const ended = ENDED.includes(run.state);
  const asking = run.state === "STATE_PENDING_APPROVAL" && desk.admin;
  const waiting = run.nodes.filter((node) => node.state === "STATE_PENDING" && !node.dueTime);

  async function order(verb: string, body: object): Promise<void> {
    setBusy(true);
    setProblem("");
    try {
      const answered = await post<Run>(`${run.name}:${verb}`, body);
      if (answered.name !== run.name) go(desk.org, "runs", idOf(answered.name));
    } catch (error) {
      setProblem(words(error));
    }
    setBusy(false);
  }

  return (
    <div class="decisions">
      {asking &&
        waiting.map((node) => <Approval key={node.id} node={node} busy={busy} order={order} />)}
      {desk.agent && !ended && (
        <button disabled={busy || run.cancelling} onClick={() => order("cancel", {})}>
          {run.cancelling ? "Is being cancelled" : "Cancel the run"}
        </button>
      )}
      {desk.agent && ended && run.state !== "STATE_SUCCEEDED" && run.nodes.length > 0 && (
        <button disabled={busy} onClick={() => order("rerun", {})}>
          Run again what has failed
        </button>
      )}
      <Problem text={problem} />
    </div>
  );
}

function Approval(props: {
  node: Node;
  busy: boolean;
  order: (verb: string, body: object) => Promise<void>;
}) {
  const { node, busy, order } = props;
  const [message, setMessage] = useState("");
  const decide = (verb: string) => () => order(verb, { node: node.id, message });
  return (
    <form class="approval" aria-label={`Approval of ${node.id}`} onSubmit={(event) => event.preventDefault()}>
      <p>
        <strong>{node.id}</strong> asks: {node.message || "may it go on?"}
      </p>
      <label>
        Why
        <input value={message} maxLength={1000} onInput={(event) => setMessage(event.currentTarget.value)} />
      </label>
      <div class="row-of">
        <button type="button" class="main" disabled={busy} onClick={decide("approve")}>
          Approve
        </button>
        <button type="button" class="danger" disabled={busy} onClick={decide("reject")}>
          Reject
        </button>
      </div>
    </form>
  );
}

function Nodes({ nodes, now }: { nodes: Node[]; now: number }) {
  if (!nodes.length) return null;
  return (
    <details class="nodes">
      <summary>The nodes as a table</summary>
      <table class="list">
        <thead>
          <tr>
            <th scope="col">Node</th>
            <th scope="col">State</th>
            <th scope="col">After</th>
            <th scope="col">Attempts</th>
          </tr>
        </thead>
        <tbody>
          {nodes.map((node) => (
            <tr key={node.id}>
              <th scope="row">{node.id}</th>
              <td>
                <State value={node.state} />{" "}
                <span class="under">
                  {node.message} {node.dueTime && <Time value={node.dueTime} now={now} />}
                </span>
              </td>
              <td>{node.needs.join(", ")}</td>
              <td>
                {node.attempts.map((attempt) => (
                  <span key={attempt.number} class="under">
                    {attempt.number}: {plain(attempt.outcome, "OUTCOME_")}
                    {attempt.exitCode === undefined ? "" : `, exit code ${attempt.exitCode}`}
                    {`, ${span(attempt.startTime, attempt.endTime, now)}`}
                  </span>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function Output({ lines, node, live }: { lines: Line[]; node: string; live: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const [follows, setFollows] = useState(true);
  const shown = node ? lines.filter((line) => line.node === node) : lines;
  useEffect(() => {
    if (follows && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [shown.length, follows]);
  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current ?? { scrollTop: 0, scrollHeight: 0, clientHeight: 0 };
    setFollows(scrollHeight - scrollTop - clientHeight < 24);
  };
  return (
    <Panel title={node ? `Output of ${node}` : "Output"} beside={live && <span class="standing live">Live</span>}>
      <div class="output" ref={box} onScroll={scrolled} tabIndex={0} role="log" aria-label="Output">
        {shown.length === 0 && <p class="dim">Nothing was printed {live ? "yet" : ""}</p>}
        {shown.map((line) => (
          <div key={line.number} class={line.stream.toLowerCase()}>
            <span class="node-name">{line.node}</span>
            <code>{line.text}</code>
          </div>
        ))}
      </div>
    </Panel>
  );
}
