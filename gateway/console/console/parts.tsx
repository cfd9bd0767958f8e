// The small parts of which the others are made.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ago, at, colour, dialect, plain } from "./words.ts";

/** Is the heading of a view; whoever comes to it by the keyboard or a screen reader begins there. */
export function Title({ text, children }: { text: string; children?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${text} · Polydesk`;
  }, [text]);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <div class="title">
      <h1 ref={heading} tabIndex={-1}>
        {text}
      </h1>
      {children}
    </div>
  );
}

export function Dialect({ via }: { via: string }) {
  return <span class={`badge c${colour(via)}`}>{dialect(via)}</span>;
}

export function Dialects({ vias }: { vias: string[] }) {
  return (
    <>
      {vias.map((via) => (
        <Dialect key={via} via={via} />
      ))}
    </>
  );
}

/** Shows a state, by its word and a mark of its own. */
export function State({ value }: { value: string }) {
  return <span class={`state ${value.toLowerCase()}`}>{plain(value, "STATE_")}</span>;
}

export function Time({ value, now }: { value: string | undefined; now: number }) {
  if (!value) return <span class="dim">–</span>;
  return (
    <time dateTime={value} title={at(value)}>
      {ago(value, now)}
    </time>
  );
}

export function Problem({ text }: { text: string }) {
  return text ? (
    <p class="problem" role="alert">
      {text}
    </p>
  ) : null;
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** Holds facts: their names, and what they are. What is empty is left out. */
export function Facts({ facts }: { facts: [string, ComponentChildren][] }) {
  const known = facts.filter(([, value]) => value !== "" && value !== undefined && value !== null);
  return (
    <dl class="facts">
      {known.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Is a part of a view. */
export function Panel(props: {
  title: string;
  class?: string;
  beside?: ComponentChildren;
  children: ComponentChildren;
}) {
  const id = `panel-${props.title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
  return (
    <section class={`panel ${props.class ?? ""}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{props.title}</h2>
        {props.beside}
      </header>
      {props.children}
    </section>
  );
}

/** Lets the arrow keys go from link to link of a list, as well as the tabulator. */
export function byArrows(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const list = event.currentTarget as HTMLElement;
  if (!step || !(event.target instanceof HTMLAnchorElement)) return;
  const links = Array.from(list.querySelectorAll<HTMLAnchorElement>("a.row"));
  const next = links[links.indexOf(event.target) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
