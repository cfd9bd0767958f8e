// The schedules of an org: when which runbook runs, and how its last run went.

import { useState } from "preact/hooks";
import { get, post, words } from "./api.ts";
import type { Desk } from "./console.tsx";
import { useEvery, useLoaded, useNow } from "./load.ts";
import { Empty, Problem, State, Time, Title } from "./parts.tsx";
import type { Runbook, Schedule } from "./types.ts";
import { at, id, plain } from "./words.ts";

const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

export function Schedules({ desk }: { desk: Desk }) {
  const list = useLoaded(desk.org, (signal) =>
    Promise.all([
      get<{ schedules: Schedule[] }>(`${desk.org}/schedules`, { pageSize: 100 }, signal),
      runbooks(desk.org, signal),
    ]),
  );
  useEvery(10, list.again);
  const now = useNow(10);
  const [problem, setProblem] = useState("");
  const [found, names] = list.value ?? [];

  async function change(schedule: Schedule) {
    setProblem("");
    try {
      await post(`${schedule.name}:${schedule.paused ? "resume" : "pause"}`, {});
    } catch (error) {
      setProblem(words(error));
    }
    list.again();
  }

  return (
    <>
      <Title text="Schedules" />
      <Problem text={list.error || problem} />
      {found?.schedules.length === 0 && <Empty>This org has no schedule.</Empty>}
      {found && found.schedules.length > 0 && (
        <table class="list">
          <caption class="hidden">Schedules, by their numbers</caption>
          <thead>
            <tr>
              <th scope="col">Last run</th>
              <th scope="col">Schedule</th>
              <th scope="col">Due next</th>
              {desk.admin && <th scope="col">Pause</th>}
            </tr>
          </thead>
          <tbody>
            {found.schedules.map((schedule) => (
              <tr key={schedule.name}>
                <td>
                  <State value={schedule.reportedState.replace("REPORTED_", "")} />
                </td>
                <td class="subject">
                  {names?.get(schedule.runbook) ?? `Runbook ${id(schedule.runbook)}`}
                  <span class="under">
                    <span class="number">{id(schedule.name)}</span> {when(schedule)}
                  </span>
                </td>
                <td class="when">
                  {schedule.paused ? "Paused" : <Time value={schedule.nextDueTime} now={now} />}
                </td>
                {desk.admin && (
                  <td>
                    <button onClick={() => change(schedule)}>
                      {schedule.paused ? "Resume" : "Pause"}
                      <span class="hidden"> schedule {id(schedule.name)}</span>
                    </button>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

/** Returns what the runbooks of an org are called. */
export async function runbooks(org: string, signal: AbortSignal): Promise<Map<string, string>> {
  const query = { pageSize: 100 };
  const found = await get<{ runbooks: Runbook[] }>(`${org}/runbooks`, query, signal);
  return new Map(found.runbooks.map((each) => [each.name, each.displayName]));
}

/** Says in words when a schedule is due. */
function when(schedule: Schedule): string {
  const { recurrence } = schedule;
  if (!recurrence) return schedule.runTime ? `once, ${at(schedule.runTime)}` : "";
  const pad = (number: number) => String(number).padStart(2, "0");
  const clock = `${pad(recurrence.hour)}:${pad(recurrence.minute)} ${schedule.timeZone || "UTC"}`;
  switch (recurrence.frequency) {
    case "FREQUENCY_HOURLY":
      return `each hour, at minute ${recurrence.minute}`;
    case "FREQUENCY_DAILY":
      return `each day at ${clock}`;
    case "FREQUENCY_WEEKLY":
      return `each ${recurrence.weekdays.map((day) => DAYS[day - 1]).join(", ")} at ${clock}`;
    case "FREQUENCY_MONTHLY":
      return `on day ${recurrence.dayOfMonth} of each month at ${clock}`;
    default:
      return plain(recurrence.frequency, "FREQUENCY_");
  }
}
