// The events of a subscription as one result: newest first, each with its time.

const EVENTS_MAX = 100;

/** Returns an observer of events that passes the whole log on to `next` after each of them, and once at the beginning. */
export function eventLog(next) {
  const since = clock();
  let count = 0;
  let events = [];
  const tell = () => next({ listeningSince: since, received: count, ...(count > EVENTS_MAX && { shown: EVENTS_MAX }), events });
  tell();
  return (event) => {
    count += 1;
    events = [{ at: clock(), ...event }, ...events].slice(0, EVENTS_MAX);
    tell();
  };
}

/** Writes the time of day of this computer, with milliseconds. */
function clock() {
  const now = new Date();
  return `${now.toTimeString().slice(0, 8)}.${String(now.getMilliseconds()).padStart(3, "0")}`;
}
