// A value that components show and that changes from outside of them.

import { useEffect, useState } from "preact/hooks";

/** Returns a store: `get()`, `set(value)`, `update(change)` with a function or some members, and `onChange(listener)`. */
export function store(value) {
  const listeners = new Set();
  const self = {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of listeners) listener(value);
    },
    update(change) {
      self.set(typeof change === "function" ? change(value) : { ...value, ...change });
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return self;
}

/** Returns the value of a store and renders the component again when it changes. */
export function useStore(source) {
  const [value, setValue] = useState(source.get);
  useEffect(() => {
    setValue(source.get);
    return source.onChange((next) => setValue(() => next));
  }, [source]);
  return value;
}
