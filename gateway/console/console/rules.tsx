// The rules of an org: which new tickets have which runbook run.

import { get } from "./api.ts";
import type { Desk } from "./console.tsx";
import { useEvery, useLoaded, useNow } from "./load.ts";
import { Empty, Problem, Time, Title } from "./parts.tsx";
import { runbooks } from "./schedules.tsx";
import type { Rule } from "./types.ts";
import { id } from "./words.ts";

export function Rules({ desk }: { desk: Desk }) {
  const list = useLoaded(desk.org, (signal) =>
    Promise.all([
      get<{ rules: Rule[] }>(`${desk.org}/rules`, { pageSize: 100 }, signal),
      runbooks(desk.org, signal),
    ]),
  );
  useEvery(15, list.again);
  const now = useNow(15);
  const [found, names] = list.value ?? [];
  return (
    <>
      <Title text="Rules" />
      <Problem text={list.error} />
      {found?.rules.length === 0 && <Empty>This org has no rule.</Empty>}
      <ul class="cards">
        {found?.rules.map((rule) => (
          <li key={rule.name} class={rule.disabled ? "off" : ""}>
            <h2>
              {rule.displayName} <span class="state">{rule.disabled ? "Off" : "On"}</span>
            </h2>
            {rule.description && <p class="text">{rule.description}</p>}
            <dl class="raw">
              <Row name="When" value={rule.filter} />
              <Row name="Runs" value={names?.get(rule.runbook) ?? `runbook ${id(rule.runbook)}`} />
              {Object.entries(rule.parameters).map(([name, value]) => (
                <Row key={name} name={`With ${name}`} value={value} />
              ))}
              <Row
                name="Asks first"
                value={rule.approval ? rule.approval.message || "yes" : "nobody"}
              />
            </dl>
            <p class="dim">
              Changed <Time value={rule.updateTime} now={now} />
            </p>
          </li>
        ))}
      </ul>
    </>
  );
}

function Row({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
