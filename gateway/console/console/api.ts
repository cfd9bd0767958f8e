// Calls the hub's public API. The token lives in this module and nowhere else: a reload forgets it.

let token = "";
let ended: (why: string) => void = () => {};

/** Counts how this page's own calls went. */
export const tally = { calls: 0, refused: 0, failed: 0 };

/** What the hub, or the way to it, has refused. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Gets a token for a login and its password, by the route that the hub has for all clients. */
export async function logIn(login: string, password: string): Promise<void> {
  const form = new URLSearchParams({ grant_type: "password", username: login, password });
  const answer = await send("/token", { method: "POST", body: form });
  useToken((await answer.json()).access_token);
}

/** Goes on with a token that somebody already has. */
export function useToken(given: string): void {
  token = given;
}

/** Forgets the token. */
export function logOut(why = ""): void {
  token = "";
  ended(why);
}

/** Has `told` called when the session ends, with the reason where there is one. */
export function whenEnded(told: (why: string) => void): void {
  ended = told;
}

/** Reads a resource; `query` leaves out what is empty. */
export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  const answer = await send(address(path, query), { headers: authorization(), signal });
  return answer.json();
}

/** Reads whatever a documented route answers, refusals too: its status and its body. */
export async function look(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: unknown }> {
  tally.calls += 1;
  const said = { ...headers, ...authorization() };
  const answer = await fetch(path, { headers: said, credentials: "omit" });
  const text = await answer.text();
  try {
    return { status: answer.status, body: JSON.parse(text) };
  } catch {
    return { status: answer.status, body: text };
  }
}

/** Changes something, once: a key tells the hub a repetition from a second order. */
export async function post<T>(path: string, body: object): Promise<T> {
  const headers = {
    ...authorization(),
    "Content-Type": "application/json",
    "Idempotency-Key": key(),
  };
  const answer = await send(`/desk/v1/${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  return answer.json();
}

/** Yields what a stream tells, until it ends or `signal` says so. */
export async function* listen<T>(
  path: string,
  query: Query,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const headers = { ...authorization(), Accept: "application/x-ndjson" };
  const answer = await send(address(path, query), { headers, signal });
  if (!answer.body) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim()) yield JSON.parse(line);
  }
}

/** Waits, longer after each failure in a row, but no longer than `signal` lets it. */
export function pause(failures: number, signal: AbortSignal): Promise<void> {
  const wait = Math.min(15_000, 500 * 2 ** failures);
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, wait);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

/** Says in words what went wrong. */
export function words(error: unknown): string {
  if (error instanceof Refused) return error.message;
  return "the hub cannot be reached";
}

export type Query = Record<string, string | number | boolean | string[] | undefined>;

async function send(path: string, more: RequestInit): Promise<Response> {
  tally.calls += 1;
  let answer: Response;
  try {
    answer = await fetch(path, { ...more, credentials: "omit" });
  } catch (error) {
    if (!more.signal?.aborted) tally.failed += 1;
    throw error;
  }
  if (answer.ok) return answer;
  if (answer.status >= 500) tally.failed += 1;
  else tally.refused += 1;
  const message = await reason(answer);
  if (answer.status === 401 && token) logOut(`Log in again: ${message}`);
  throw new Refused(answer.status, message);
}

async function reason(answer: Response): Promise<string> {
  const body = await answer.json().catch(() => ({}));
  const said = body.message ?? body.Message ?? body.error_description ?? body.error;
  return typeof said === "string" ? said : `the hub answered ${answer.status}`;
}

function address(path: string, query: Query): string {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== "" && each !== false) said.append(name, String(each));
    }
  }
  return `/desk/v1/${path}${said.size ? `?${said}` : ""}`;
}

function authorization(): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

function key(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
