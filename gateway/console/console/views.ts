// By which documented routes each dialect shows a ticket. One more dialect is one more entry here.

import type { Ticket } from "./types.ts";
import { id } from "./words.ts";

export interface View {
  via: string;
  title: string;
  path: string;
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

const SMARTOPS = [
  "ticketNumber", "ticketStatus", "ticketPriority", "sysId", "assignedTo", "assignedGroup",
  "shortDescription", "longDescription", "category", "callerId", "urgency", "comments", "workNotes",
  "createdTime", "updatedTime", "createdBy",
].join(",");

const SHOWS: ((ticket: Ticket) => View[])[] = [
  iautomate,
  (ticket) =>
    ticket.kind === "KIND_INCIDENT"
      ? [{ via: "serviceops", title: "ServiceOps", path: `/api/v1/incident/${id(ticket.name)}` }]
      : [],
  (ticket) =>
    ticket.kind === "KIND_INCIDENT"
      ? [
          {
            via: "ivanti_xapi",
            title: "Ivanti experience API",
            path: `/v2/events/incidents/${id(ticket.name)}`,
          },
        ]
      : [],
  (ticket) => {
    const filter = encodeURIComponent(`IncidentNumber eq ${id(ticket.name)}`);
    const path = `/api/odata/businessobject/incidents?$filter=${filter}`;
    return ticket.kind === "KIND_INCIDENT"
      ? [{ via: "ivanti_sm", title: "Ivanti Service Manager", path }]
      : [];
  },
  (ticket) => {
    const number = encodeURIComponent(ticket.number);
    const path = `/smartops/itsm/v1/ticket?ticketNumber=${number}&ticketFields=${SMARTOPS}`;
    return [{ via: "smartops", title: "SmartOps", path }];
  },
  (ticket) => [{ via: "desk", title: "Polydesk's own", path: `/desk/v1/${ticket.name}` }],
];

/** Returns the routes at which a ticket is shown. */
export function views(ticket: Ticket): View[] {
  return SHOWS.flatMap((shows) => shows(ticket));
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
