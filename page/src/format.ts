// Numbers, dates and tables as people read them.

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const LONG_DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const MONTH = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

export const MISSING = "–";

export const count = (value: number | null): string => (value === null ? MISSING : WHOLE.format(value));
export const short = (value: number): string => (Math.abs(value) < 10_000 ? WHOLE.format(value) : SHORT.format(value));
export const month = (date: number): string => MONTH.format(date);

/** Return a number with its sign, such as of a change. */
export function signed(value: number | null): string {
  if (value === null) return MISSING;
  return value === 0 ? "±0" : `${value > 0 ? "+" : "−"}${WHOLE.format(Math.abs(value))}`;
}

/** Return a part of a whole in percent, with as many digits as it takes to see it. */
export function percent(part: number, whole: number): string {
  const value = (100 * part) / whole;
  return value >= 10 || value === 0 ? `${Math.round(value)} %` : `${value.toPrecision(value < 0.1 ? 1 : 2)} %`;
}

/** Return seconds in words. */
export function duration(seconds: number | null): string {
  if (seconds === null) return MISSING;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 100) return `${whole} s`;
  if (whole < 6_000) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** How dates are told apart: by the day, or by the minute where a day has more runs. */
export class Dates {
  private readonly hasTimes: boolean;

  constructor(dates: number[]) {
    const days = dates.map((date) => Math.floor(date / 86_400_000));
    this.hasTimes = new Set(days).size < days.length;
  }

  brief(date: number): string {
    return this.hasTimes ? `${DAY.format(date)} ${TIME.format(date)}` : DAY.format(date);
  }

  full(date: number): string {
    return this.hasTimes ? `${LONG_DAY.format(date)}, ${TIME.format(date)}` : LONG_DAY.format(date);
  }
}

export type Cell = string | number | null;

function quoted(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell === "number") return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell; // no spreadsheet is to take a name for a formula
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Return rows as CSV. */
export function csv(rows: Cell[][]): string {
  return `${rows.map((row) => row.map(quoted).join(",")).join("\r\n")}\r\n`;
}
