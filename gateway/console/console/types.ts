// What the API answers, as far as this page reads it. Enums come by their names.

export interface Org {
  name: string;
  displayName: string;
}

export interface Caller {
  login: string;
  displayName: string;
  defaultOrg: string;
  memberships: { org: string; role: string }[];
}

export interface Ticket {
  name: string;
  kind: string;
  number: string;
  summary: string;
  description: string;
  sysId: string;
  state: string;
  waitReason: string;
  requester: string;
  assignee: string;
  assignmentGroup: string;
  impact: string;
  urgency: string;
  priority: string;
  category: string;
  resolution: string;
  causeCode: string;
  parentNumber: string;
  executionStatus: string;
  openTime?: string;
  modifyTime?: string;
  resolveTime?: string;
  closeTime?: string;
  createTime: string;
  updateTime: string;
  deleteTime?: string;
  org: string;
}

export interface FieldChange {
  field: string;
  oldJson: string;
  newJson: string;
}

export interface TicketChange {
  sequence: number;
  changeTime: string;
  actor: string;
  via: string;
  action: string;
  fields: FieldChange[];
}

export interface Status {
  code: number;
  message: string;
}

export interface WatchAnswer {
  cursor: string;
  changed?: { change: TicketChange; ticket?: Ticket };
  heartbeat?: object;
  error?: Status;
}

export interface Note {
  name: string;
  kind: string;
  subject: string;
  body: string;
  author: string;
  source: string;
  category: string;
  noteTime: string;
  via: string;
  email?: { sender: string; recipients: string[] };
}

export interface Attempt {
  number: number;
  machine: string;
  startTime?: string;
  endTime?: string;
  outcome: string;
  exitCode?: number;
  message: string;
}

export interface Node {
  id: string;
  state: string;
  needs: string[];
  attempts: Attempt[];
  message: string;
  dueTime?: string;
  resultJson: string;
}

export interface Run {
  name: string;
  title: string;
  runbook: string;
  runbookVersion: number;
  ticket: string;
  parameters: Record<string, string>;
  state: string;
  message: string;
  nodes: Node[];
  actor: string;
  rerunOf: string;
  schedule: string;
  rule: string;
  cancelling: boolean;
  createTime: string;
  startTime?: string;
  endTime?: string;
}

export interface Line {
  number: number;
  node: string;
  attempt: number;
  stream: string;
  text: string;
}

export interface RunAnswer {
  cursor: string;
  output?: { lines: Line[] };
  run?: Run;
  error?: Status;
}

export interface Schedule {
  name: string;
  runbook: string;
  tool: string;
  recurrence?: {
    frequency: string;
    minute: number;
    hour: number;
    weekdays: number[];
    dayOfMonth: number;
  };
  runTime?: string;
  timeZone: string;
  paused: boolean;
  missedRunPolicy: string;
  overlapPolicy: string;
  reportedState: string;
  reportTime?: string;
  nextDueTime?: string;
}

export interface Rule {
  name: string;
  displayName: string;
  filter: string;
  runbook: string;
  description: string;
  parameters: Record<string, string>;
  approval?: { message: string };
  disabled: boolean;
  updateTime: string;
}

export interface Runbook {
  name: string;
  displayName: string;
}

export interface Overview {
  tickets: { kind: string; state: string; count: number }[];
  runs: { state: string; count: number }[];
  startTime: string;
  bucketDuration: string;
  activities: { dialect: string; changes: number[]; failures: number[] }[];
  runEnds: { state: string; counts: number[] }[];
  truncated: boolean;
}
