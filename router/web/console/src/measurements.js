// Measurements that this page makes of its own requests.

import { store } from "./store.js";

const KEPT_MS = 60_000;
const KEPT_MAX = 600;

/** `{ requests, events }`: the times of the last minute, oldest first; a request also has its duration. */
export const measurements = store({ requests: [], events: [] });

export function measure(durationMs) {
  add("requests", { at: Date.now(), durationMs });
}

export function noteEvent() {
  add("events", { at: Date.now() });
}

function add(kind, entry) {
  measurements.update((now) => ({ ...now, [kind]: recent([...now[kind], entry]) }));
}

function recent(entries) {
  const since = Date.now() - KEPT_MS;
  return entries.filter(({ at }) => at >= since).slice(-KEPT_MAX);
}

/** Returns the numbers of the last minute: requests and events, and the median and the highest latency. */
export function summary({ requests, events }) {
  const durations = recent(requests).map(({ durationMs }) => durationMs).sort((one, other) => one - other);
  return {
    requests: durations.length,
    events: recent(events).length,
    medianMs: durations.at(Math.floor(durations.length / 2)),
    highestMs: durations.at(-1),
  };
}
