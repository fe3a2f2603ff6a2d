// Colours that those who see colours differently tell apart as well, on light and on dark.

export interface Colours {
  lines: string[];
  up: string;
  down: string;
  muted: string;
  grid: string;
  text: string;
  panel: string;
  ways: Record<string, string>;
}

const LIGHT: Colours = {
  lines: ["#0B66B0", "#C44E00", "#0A7D5B", "#A23B87", "#8A6400", "#5A49C8", "#B0243B", "#44566C"],
  up: "#0B66B0",
  down: "#D8741A",
  muted: "#7A8494",
  grid: "#E9ECF1",
  text: "#545E6E",
  panel: "#FFFFFF",
  ways: { per_customer: "#C44E00", per_segment: "#0B66B0", export: "#0A7D5B" },
};

const DARK: Colours = {
  lines: ["#5CB3F4", "#FF9A52", "#3FCF9F", "#E68DCB", "#E9C349", "#A99BFF", "#FF7F86", "#A3B5CB"],
  up: "#5CB3F4",
  down: "#FFA45E",
  muted: "#7F8A9B",
  grid: "rgba(150, 170, 200, 0.16)",
  text: "#9DA7B6",
  panel: "#161A21",
  ways: { per_customer: "#FF9A52", per_segment: "#5CB3F4", export: "#3FCF9F" },
};

/** More lines than this are told apart by nobody. */
export const MOST_LINES = 8;

/** The second sign of a line, besides its colour. */
export const DASHES: number[][] = [[], [], [], [], [7, 4], [7, 4], [2, 3], [2, 3]];

export const coloursOf = (theme: string): Colours => (theme === "dark" ? DARK : LIGHT);

/** Return what the page around is: Airflow's has a class, a report follows the system. */
export function themeOf(follows: "host" | "system"): "light" | "dark" {
  if (follows === "host") return document.documentElement.classList.contains("dark") ? "dark" : "light";
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Call back when the theme changes, until told to stop. */
export function watchTheme(follows: "host" | "system", changed: () => void): () => void {
  if (follows === "host") {
    const observer = new MutationObserver(changed);
    observer.observe(document.documentElement, { attributeFilter: ["class"] });
    return () => observer.disconnect();
  }
  const query = matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", changed);
  return () => query.removeEventListener("change", changed);
}
