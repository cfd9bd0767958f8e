// Where one is on the page: the part of the address behind `#`, such as `#/orgs/1/tickets/42`.

import { useEffect, useState } from "preact/hooks";

export interface Place {
  org: string;
  part: string;
  id: string;
}

export const PARTS = ["tickets", "runs", "schedules", "rules", "overview"] as const;

/** Returns the address of a place. */
export function href(org: string, part: string, id = ""): string {
  return `#/${org}/${part}${id ? `/${id}` : ""}`;
}

/** Goes to a place. */
export function go(org: string, part: string, id = ""): void {
  location.hash = href(org, part, id);
}

/** Returns where one is, whenever that changes. */
export function usePlace(): Place {
  const [place, setPlace] = useState(read);
  useEffect(() => {
    const heard = () => setPlace(read());
    addEventListener("hashchange", heard);
    return () => removeEventListener("hashchange", heard);
  }, []);
  return place;
}

function read(): Place {
  const [, kind = "", org = "", part = "", id = ""] = location.hash.split("/");
  return { org: kind === "orgs" && org ? `orgs/${org}` : "", part, id };
}
