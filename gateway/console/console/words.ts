// How things are called and written here.

const DIALECTS: Record<string, string> = {
  iautomate: "iAutomate",
  serviceops: "ServiceOps",
  ivanti_xapi: "Ivanti xAPI",
  ivanti_sm: "Ivanti SM",
  smartops: "SmartOps",
  insightconnect: "InsightConnect",
  desk: "Desk API",
  runs: "Runs",
  rules: "Rules",
  schedules: "Schedules",
  demo: "Demo data",
  cli: "Command line",
};

/** Names a dialect as people do. */
export function dialect(via: string): string {
  return DIALECTS[via] ?? via;
}

/** Gives each dialect a colour of its own, of the twelve that the style sheet has. */
export function colour(via: string): number {
  const known = Object.keys(DIALECTS).indexOf(via);
  if (known >= 0) return known % 12;
  return Array.from(via).reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 12;
}

/** Writes the value of an enum: `STATE_PENDING_APPROVAL` is `Pending approval`. */
export function plain(value: string, prefix: string): string {
  if (!value || value.endsWith("_UNSPECIFIED")) return "";
  const word = value.replace(prefix, "").replaceAll("_", " ").toLowerCase();
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** Returns the last part of a name: `tickets/42` is `42`. */
export function id(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const STEPS: [number, Intl.RelativeTimeFormatUnit][] = [
  [60, "second"],
  [60, "minute"],
  [24, "hour"],
  [30, "day"],
  [12, "month"],
  [Infinity, "year"],
];

/** Writes a time in full, by the clock of whoever reads it. */
export function at(time: string): string {
  return absolute.format(new Date(time));
}

/** Writes how long ago a time is, or how far away. */
export function ago(time: string, now: number): string {
  let left = (new Date(time).getTime() - now) / 1000;
  if (Math.abs(left) < 5) return "just now";
  for (const [size, unit] of STEPS) {
    if (Math.abs(left) < size) return relative.format(Math.round(left), unit);
    left /= size;
  }
  return at(time);
}

/** Writes how long something took. */
export function span(start: string | undefined, end: string | undefined, now: number): string {
  if (!start) return "";
  const seconds = Math.max(0, ((end ? Date.parse(end) : now) - Date.parse(start)) / 1000);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

/** Writes a count. */
export function count(number: number): string {
  return number.toLocaleString("en");
}
