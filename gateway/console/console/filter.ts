// What of the tickets somebody wants to see: said to the hub in AIP-160, and known here as well, so
// that a ticket that comes in need not be asked for.

import type { Ticket } from "./types.ts";

export interface Wanted {
  text: string;
  kind: string;
  state: string;
  via: string;
  expression: string;
}

export const EVERYTHING: Wanted = { text: "", kind: "", state: "", via: "", expression: "" };

/** Says it to the hub; through which dialects a ticket has come is no field of it. */
export function expression(wanted: Wanted): string {
  const terms: string[] = [];
  if (wanted.kind) terms.push(`kind = ${wanted.kind}`);
  if (wanted.state) terms.push(`state = ${wanted.state}`);
  const text = wanted.text.trim();
  if (text) {
    const quoted = `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
    const fields = ["summary", "number", "requester", "assignee", "assignment_group"];
    terms.push(`(${fields.map((field) => `${field} : ${quoted}`).join(" OR ")})`);
  }
  if (wanted.expression.trim()) terms.push(`(${wanted.expression.trim()})`);
  return terms.join(" AND ");
}

/** Tells whether a ticket is wanted, as far as it can be told without the hub. */
export function fits(ticket: Ticket, wanted: Wanted): boolean {
  if (wanted.kind && ticket.kind !== `KIND_${wanted.kind}`) return false;
  if (wanted.state && ticket.state !== `STATE_${wanted.state}`) return false;
  const text = wanted.text.trim().toLowerCase();
  const { summary, number, requester, assignee, assignmentGroup } = ticket;
  const texts = [summary, number, requester, assignee, assignmentGroup];
  return !text || texts.some((each) => each.toLowerCase().includes(text));
}
