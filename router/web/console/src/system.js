// The server: the replicas of the order log, and the counters of the cache where the caller may see them.

import { ask } from "./graph.js";
import { store } from "./store.js";

const REPLICAS = "query OrderReplicas { orderReplicas { id alive leader term applied } }";
const EVERY_MS = 5000;

/** `cache` is null where its counters are for operators only. */
export const system = store({ replicas: null, cache: undefined, problem: "" });

export async function startSystem() {
  if (!document.hidden) await load();
  setTimeout(startSystem, EVERY_MS);
}

let mayReadCache = true;

async function load() {
  try {
    const [{ orderReplicas }, cache] = await Promise.all([ask(REPLICAS), cacheCounters()]);
    system.set({ replicas: orderReplicas, cache, problem: "" });
  } catch (error) {
    system.update({ problem: error.message });
  }
}

async function cacheCounters() {
  if (!mayReadCache) return null;
  const response = await fetch("/cache");
  mayReadCache = response.ok;
  return response.ok ? response.json() : null;
}

/** Returns the part of answers that came from the cache, in percent; undefined before the first. */
export function hitRate({ hits, misses }) {
  return hits + misses > 0 ? (100 * hits) / (hits + misses) : undefined;
}
