// Follows the tickets of an org: one watch for all parts of the page, which goes on by its cursor.

import { useEffect, useState } from "preact/hooks";
import { listen, pause, Refused } from "./api.ts";
import type { Ticket, TicketChange, WatchAnswer } from "./types.ts";

export interface Told {
  change: TicketChange;
  ticket?: Ticket;
}

export type Standing = "connecting" | "live" | "lost";

export class Feed {
  private readonly hearers = new Set<(told: Told[]) => void>();
  private readonly lookers = new Set<(standing: Standing) => void>();
  private readonly end = new AbortController();
  private cursor = "";
  standing: Standing = "connecting";

  constructor(private readonly org: string) {
    void this.follow();
  }

  /** Has `heard` called with what has happened; returns what ends that. */
  hear(heard: (told: Told[]) => void): () => void {
    this.hearers.add(heard);
    return () => this.hearers.delete(heard);
  }

  /** Has `seen` called when the connection comes or goes; returns what ends that. */
  look(seen: (standing: Standing) => void): () => void {
    this.lookers.add(seen);
    return () => this.lookers.delete(seen);
  }

  close(): void {
    this.end.abort();
  }

  private async follow(): Promise<void> {
    const { signal } = this.end;
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        const query = { cursor: this.cursor };
        for await (const answer of listen<WatchAnswer>(`${this.org}/tickets:watch`, query, signal)) {
          if (answer.error) break;
          failures = 0;
          this.cursor = answer.cursor;
          this.stand("live");
          if (answer.changed) this.tell(answer.changed);
        }
      } catch (error) {
        if (error instanceof Refused && error.status < 500 && error.status !== 429) return;
      }
      if (signal.aborted) return;
      this.stand("lost");
      await pause(failures, signal);
    }
  }

  private stand(standing: Standing): void {
    if (this.standing === standing) return;
    this.standing = standing;
    for (const seen of this.lookers) seen(standing);
  }

  private waiting: Told[] = [];

  /** Tells what comes at about the same time together: a push may have thousands of tickets. */
  private tell(told: Told): void {
    this.waiting.push(told);
    if (this.waiting.length > 1) return;
    setTimeout(() => {
      const all = this.waiting;
      this.waiting = [];
      for (const heard of this.hearers) heard(all);
    }, 50);
  }
}

/** Returns how the connection stands, whenever that changes. */
export function useStanding(feed: Feed): Standing {
  const [standing, setStanding] = useState(feed.standing);
  useEffect(() => {
    setStanding(feed.standing);
    return feed.look(setStanding);
  }, [feed]);
  return standing;
}
