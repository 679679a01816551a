// Short messages at the edge of the page, which a screen reader hears too.

import { store } from "./store.js";

const SHOWN_MS = 6000;
const SHOWN_MAX = 3;

export const notices = store([]);
let next = 0;

/** Shows a sentence for some seconds; `kind` is `wrong` for an error. */
export function announce(text, kind = "") {
  const id = next++;
  notices.update((now) => [...now, { id, text, kind }].slice(-SHOWN_MAX));
  setTimeout(() => dismiss(id), SHOWN_MS);
}

export function dismiss(id) {
  notices.update((now) => now.filter((notice) => notice.id !== id));
}
