// How the page writes money, numbers and times.

const currencies = new Map();
const count = new Intl.NumberFormat("en-US");
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** Writes an amount: `{ amount: "15.99", currency: "USD" }` as `$15.99`. */
export function money(value) {
  if (!value) return "–";
  const { amount, currency } = value;
  if (!currencies.has(currency)) currencies.set(currency, new Intl.NumberFormat("en-US", { style: "currency", currency }));
  return currencies.get(currency).format(amount);
}

export function dollars(number) {
  return money({ amount: number, currency: "USD" });
}

export function number(value) {
  return value === null || value === undefined ? "–" : count.format(value).replace("-", "−");
}

/** Writes a time of today as `14:03:12`, another as `3 Feb`. */
export function time(text) {
  const at = new Date(text);
  return at.toDateString() === new Date().toDateString() ? clock.format(at) : day.format(at);
}

export function ago(text) {
  const minutes = Math.max(0, Math.round((Date.now() - new Date(text)) / 60_000));
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} h ago`;
  return `${Math.round(minutes / 1440)} days ago`;
}

export function percent(change) {
  return `${change > 0 ? "+" : change < 0 ? "−" : ""}${Math.abs(change).toFixed(2)} %`;
}

export function milliseconds(value) {
  return value === undefined ? "–" : value > 0 && value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}
