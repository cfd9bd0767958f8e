// What parts of the page share: reading something, and going on to show it while it is read anew.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { words } from "./api.ts";

export interface Loaded<T> {
  value: T | undefined;
  error: string;
  /** Reads anew. */
  again: () => void;
  /** Shows something else, such as what a change has answered. */
  put: (value: T) => void;
}

/** Reads something, and anew when `key` changes. */
export function useLoaded<T>(key: string, read: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [held, setHeld] = useState<{ key: string; value?: T; error: string }>({ key, error: "" });
  const reading = useRef<AbortController | undefined>(undefined);
  const latest = useRef(read);
  latest.current = read;

  const again = useCallback(() => {
    reading.current?.abort();
    const mine = (reading.current = new AbortController());
    latest.current(mine.signal).then(
      (value) => mine.signal.aborted || setHeld({ key, value, error: "" }),
      (error) => mine.signal.aborted || setHeld((old) => ({ ...old, key, error: words(error) })),
    );
  }, [key]);

  useEffect(() => {
    again();
    return () => reading.current?.abort();
  }, [again]);

  const put = useCallback((value: T) => setHeld({ key, value, error: "" }), [key]);
  const mine = held.key === key ? held : { value: undefined, error: "" };
  return { value: mine.value, error: mine.error, again, put };
}

/** Calls `act` every so many seconds while somebody looks at the page. */
export function useEvery(seconds: number, act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const timer = setInterval(() => document.hidden || latest.current(), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds]);
}

/** Returns the time, by which what is shown grows old. */
export function useNow(seconds: number): number {
  const [now, setNow] = useState(Date.now);
  useEvery(seconds, () => setNow(Date.now()));
  return Math.max(now, Date.now() - seconds * 1000);
}

/** Returns a function that calls `act` soon, and once for all calls in between. */
export function useSoon(milliseconds: number, act: () => void): () => void {
  const latest = useRef(act);
  latest.current = act;
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      latest.current();
    }, milliseconds);
  }, [milliseconds]);
}
