// The desk view: who is there, in which org, and which part of it is shown.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, logOut, whenEnded } from "./api.ts";
import { Feed, useStanding } from "./feed.ts";
import { Login } from "./login.tsx";
import { OverviewPart } from "./overview.tsx";
import { Rules } from "./rules.tsx";
import { go, href, PARTS, usePlace, type Place } from "./route.ts";
import { RunDetail } from "./run.tsx";
import { Runs } from "./runs.tsx";
import { Schedules } from "./schedules.tsx";
import { nextTheme, useTheme } from "./theme.ts";
import { TicketDetail } from "./ticket.tsx";
import { Tickets } from "./tickets.tsx";
import type { Caller, Org } from "./types.ts";
import { id, plain } from "./words.ts";

interface Session {
  caller: Caller;
  orgs: Org[];
}

/** What every part is told: the org, what happens in it, and what its user may do there. */
export interface Desk {
  org: string;
  feed: Feed;
  agent: boolean;
  admin: boolean;
}

function Page() {
  const [session, setSession] = useState<Session | undefined>();
  const [why, setWhy] = useState("");
  const theme = useTheme();
  useEffect(() => whenEnded((reason) => (setWhy(reason), setSession(undefined))), []);

  async function entered() {
    const [caller, orgs] = await Promise.all([
      get<Caller>("caller"),
      get<{ orgs: Org[] }>("orgs"),
    ]);
    setSession({ caller, orgs: orgs.orgs });
  }

  if (!session) return <Login key={why} why={why} entered={entered} />;
  return <Inside session={session} theme={theme} />;
}

function Inside({ session, theme }: { session: Session; theme: ReturnType<typeof useTheme> }) {
  const place = usePlace();
  const known = session.orgs.some((org) => org.name === place.org);
  const org = known ? place.org : session.caller.defaultOrg || session.orgs[0]?.name || "";
  useEffect(() => {
    if (org && (!known || !place.part)) go(org, place.part && !known ? place.part : "tickets");
  }, [org, known, place.part]);
  if (!org) return <main id="main">This account is in no org.</main>;
  return <Shell key={org} session={session} org={org} place={place} theme={theme} />;
}

function Shell(props: { session: Session; org: string; place: Place; theme: ReturnType<typeof useTheme> }) {
  const { session, org, place, theme } = props;
  const [feed, setFeed] = useState<Feed | undefined>();
  useEffect(() => {
    const opened = new Feed(org);
    setFeed(opened);
    return () => opened.close();
  }, [org]);
  if (!feed) return null;
  const role = session.caller.memberships.find((each) => each.org === org)?.role;
  const desk = { org, feed, agent: role !== "ROLE_READER", admin: role === "ROLE_ADMIN" };
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <Head session={session} desk={desk} place={place} theme={theme} />
      <main id="main" tabIndex={-1}>
        <Part desk={desk} place={place} />
      </main>
    </>
  );
}

function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function Head(props: { session: Session; desk: Desk; place: Place; theme: ReturnType<typeof useTheme> }) {
  const { session, desk, place } = props;
  const standing = useStanding(desk.feed);
  const [theme, setTheme] = props.theme;
  return (
    <header class="head">
      <strong class="brand">Polydesk</strong>
      <label class="org">
        <span class="hidden">Org</span>
        <select
          value={desk.org}
          onChange={(event) => go(event.currentTarget.value, place.id ? "tickets" : place.part)}
        >
          {session.orgs.map((org) => (
            <option key={org.name} value={org.name}>
              {org.displayName || org.name} ({id(org.name)})
            </option>
          ))}
        </select>
      </label>
      <nav aria-label="Parts">
        {PARTS.map((part) => (
          <a
            key={part}
            href={href(desk.org, part)}
            aria-current={part === place.part ? "page" : undefined}
          >
            {plain(part, "")}
          </a>
        ))}
      </nav>
      <span class={`standing ${standing}`} role="status">
        {{ live: "Live", connecting: "Connecting", lost: "Connection lost" }[standing]}
      </span>
      <button class="quiet" title="Colours" onClick={() => setTheme(nextTheme(theme))}>
        <span aria-hidden="true">◐ </span>
        <span class="hidden">Colours: </span>
        {plain(theme, "")}
      </button>
      <button class="quiet" title={session.caller.login} onClick={() => logOut()}>
        Log out
      </button>
    </header>
  );
}

function Part({ desk, place }: { desk: Desk; place: Place }) {
  if (place.part === "tickets" && place.id) {
    return <TicketDetail key={place.id} desk={desk} id={place.id} />;
  }
  if (place.part === "runs" && place.id) return <RunDetail key={place.id} desk={desk} id={place.id} />;
  if (place.part === "runs") return <Runs desk={desk} />;
  if (place.part === "schedules") return <Schedules desk={desk} />;
  if (place.part === "rules") return <Rules desk={desk} />;
  if (place.part === "overview") return <OverviewPart desk={desk} />;
  return <Tickets desk={desk} />;
}

const page = document.getElementById("page");
if (page) render(<Page />, page);
