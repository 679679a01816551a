// The state of the server as a client sees it.

import { Chart } from "./Chart.jsx";
import { Empty, Scroll } from "./Market.jsx";
import { useMeasurements } from "./Pulse.jsx";
import { milliseconds, number } from "./format.js";
import { measurements } from "./measurements.js";
import { useStore } from "./store.js";
import { hitRate, system } from "./system.js";

export function System() {
  const { replicas, cache, problem } = useStore(system);
  const { requests } = useStore(measurements);
  const now = useMeasurements();
  return (
    <div class="system">
      <section class="panel card" aria-labelledby="latency-title">
        <h2 id="latency-title">Latency</h2>
        <p class="soft">The requests of this page in the last minute, from sending to the whole answer: median {milliseconds(now.medianMs)}, highest {milliseconds(now.highestMs)}.</p>
        <Chart points={requests.map(({ at, durationMs }) => [at, durationMs])} windowMs={60_000} height={240} write={milliseconds} label="Latency of the requests of this page in the last minute" />
      </section>
      <section class="panel card" aria-labelledby="replicas-title">
        <h2 id="replicas-title">Order replicas</h2>
        <Empty of={replicas} problem={problem} none="There is no replica." />
        {replicas?.length > 0 && <Replicas replicas={replicas} />}
        <p class="caption">Every trade is numbered by them, and answered when a majority has it on disk.</p>
      </section>
      <section class="panel card" aria-labelledby="cache-title">
        <h2 id="cache-title">Cache</h2>
        {cache === undefined && <p class="empty">Loading…</p>}
        {cache === null && <p class="empty">The counters of the cache are for operators.</p>}
        {cache && <Cache cache={cache} />}
      </section>
    </div>
  );
}

function Replicas({ replicas }) {
  return (
    <Scroll label="Order replicas">
      <table class="list">
        <thead>
          <tr><th scope="col">Replica</th><th scope="col">State</th><th scope="col">Role</th><th scope="col" class="number">Term</th><th scope="col" class="number">Last trade</th></tr>
        </thead>
        <tbody>
          {replicas.map(({ id, alive, leader, term, applied }, index) => (
            <tr key={id}>
              <th scope="row">{index + 1}</th>
              <td><span class={alive ? "mark" : "mark bad"}>{alive ? "responds" : "does not respond"}</span></td>
              <td>{alive && (leader ? <b>leader</b> : "follower")}</td>
              <td class="number">{alive && number(term)}</td>
              <td class="number">{alive && (applied < 0 ? "none" : number(applied))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Cache({ cache }) {
  const rate = hitRate(cache);
  const facts = [["Hits", cache.hits], ["Misses", cache.misses], ["Invalidations", cache.invalidations], ["Entries", cache.entries], ["Capacity", cache.capacity]];
  return (
    <>
      <p class="soft">{rate === undefined ? "No answer could come from the cache yet." : `${rate.toFixed(1)} % of the answers that may be cached came from it.`}</p>
      <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{number(value)}</dd></div>)}</dl>
    </>
  );
}
