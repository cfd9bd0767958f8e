// Light or dark: as the system has it, or as somebody has chosen here.

import { useState } from "preact/hooks";

const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
const KEY = "polydesk-theme";

/** Returns the theme after one. */
export function nextTheme(theme: Theme): Theme {
  return THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
}

/** Returns the theme, which is kept in this browser, and what changes it. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(kept);
  return [theme, (chosen) => (localStorage.setItem(KEY, chosen), show(chosen), setTheme(chosen))];
}

function kept(): Theme {
  return THEMES.find((each) => each === localStorage.getItem(KEY)) ?? "system";
}

function show(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}

show(kept()); // before anything is drawn
