// By which documented routes each dialect shows a ticket. One more dialect is one more entry here.

import type { Ticket } from "./types.ts";
import { id } from "./words.ts";

export interface View {
  via: string;
  title: string;
  path: string;
  /** Names the org where the route takes no other word of it. */
  headers?: Record<string, string>;
}

const MODULES: Record<string, number> = { KIND_INCIDENT: 1, KIND_PROBLEM: 2, KIND_EVENT: 9 };
const V2: Record<string, string> = {
  KIND_CHANGE_TASK: "changeRequests",
  KIND_SERVICE_REQUEST_TASK: "serviceRequests",
};
const V1: Record<string, string> = {
  KIND_CHANGE_TASK: "GetChangeTicketData",
  KIND_SERVICE_REQUEST_TASK: "GetSRTicketData",
};
const STATUS: Record<string, string> = {
  KIND_INCIDENT: "incident",
  KIND_CHANGE_TASK: "changeRequests",
  KIND_SERVICE_REQUEST_TASK: "serviceRequests",
  KIND_EVENT: "event",
  KIND_SUB_TASK: "sub-task",
};

// SmartOps answers what it is asked for, and no more.
const SMARTOPS = [
  "sysId",
  "ticketNumber",
  "ticketStatus",
  "ticketPriority",
  "shortDescription",
  "longDescription",
  "urgency",
  "ticketSeverity",
  "assignedTo",
  "assignedGroup",
  "callerId",
  "category",
  "comments",
  "workNotes",
  "closureNotes",
  "createdTime",
  "updatedTime",
  "resolvedTime",
  "createdBy",
  "ticketBusinessDuration",
  "ticketBusinessTimeLeft",
];

const SHOWS: ((ticket: Ticket) => View[])[] = [
  iautomate,
  smartops,
  serviceops,
  experience,
  serviceManager,
  (ticket) => [{ via: "desk", title: "Polydesk's own", path: `/desk/v1/${ticket.name}` }],
];

/** Returns the routes at which a ticket is shown. */
export function views(ticket: Ticket): View[] {
  return SHOWS.flatMap((shows) => shows(ticket));
}

/** Is a route that shows incidents, and no ticket of another kind. */
function incidents(ticket: Ticket, view: View): View[] {
  return ticket.kind === "KIND_INCIDENT" ? [view] : [];
}

function serviceops(ticket: Ticket): View[] {
  const path = `/api/v1/incident/${id(ticket.name)}`;
  return incidents(ticket, { via: "serviceops", title: "ServiceOps", path });
}

function experience(ticket: Ticket): View[] {
  const path = `/v2/events/incidents/${id(ticket.name)}`;
  return incidents(ticket, { via: "ivanti_xapi", title: "Ivanti experience API", path });
}

function serviceManager(ticket: Ticket): View[] {
  const filter = encodeURIComponent(`IncidentNumber eq ${id(ticket.name)}`);
  const path = `/HEAT/api/odata/businessobject/incidents?$filter=${filter}`;
  return incidents(ticket, { via: "ivanti_sm", title: "Ivanti Service Manager", path });
}

function smartops(ticket: Ticket): View[] {
  const number = encodeURIComponent(ticket.number);
  const path = `/smartops/itsm/v1/ticket?ticketNumber=${number}&ticketFields=${SMARTOPS.join(",")}`;
  const headers = { "organization-key": id(ticket.org) };
  return [{ via: "smartops", title: "SmartOps", path, headers }];
}

function iautomate(ticket: Ticket): View[] {
  const org = id(ticket.org);
  const number = encodeURIComponent(ticket.number);
  const module = MODULES[ticket.kind];
  const found: [string, string][] = [];
  if (module || V2[ticket.kind]) {
    const terms = `${module ? `ModuleId=${module}&` : ""}ticket_number=${number}`;
    const route = V1[ticket.kind] ?? "GetIncidentTicketData";
    found.push(["iAutomate V2", `/v2/${V2[ticket.kind] ?? "incident"}/orgentityid/${org}?${terms}`]);
    found.push(["iAutomate V1", `/iAutomateAPI/Request/${route}/${org}?${terms}`]);
  }
  const status = STATUS[ticket.kind];
  if (status) found.push(["iAutomate status", `/v2/${status}/TicketStatus/${number}/${org}`]);
  return found.map(([title, path]) => ({ via: "iautomate", title, path }));
}
