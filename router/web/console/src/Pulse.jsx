// A strip of numbers above every view.

import { useEffect, useState } from "preact/hooks";

import { dollars, milliseconds, money, number } from "./format.js";
import { market } from "./market.js";
import { measurements, summary } from "./measurements.js";
import { person } from "./person.js";
import { useStore } from "./store.js";
import { hitRate, system } from "./system.js";

export function Pulse() {
  const me = useStore(person);
  const { stocks } = useStore(market);
  const { replicas, cache } = useStore(system);
  const now = useMeasurements();
  const alive = replicas?.filter((replica) => replica.alive).length;
  const rate = cache && hitRate(cache);
  return (
    <dl class="pulse">
      {me?.wallet && <Tile name="Portfolio" value={dollars(portfolio(me, stocks))} note="cash and shares" />}
      {me?.wallet && <Tile name="Free cash" value={money(me.wallet.balance)} note={`${money(me.wallet.held)} reserved`} />}
      <Tile name="Latency" value={milliseconds(now.medianMs)} note={`median; highest ${milliseconds(now.highestMs)}`} />
      <Tile minor name="Requests" value={`${number(now.requests)}/min`} note="of this page" />
      <Tile minor name="Events" value={`${number(now.events)}/min`} note="over the WebSocket" />
      {cache && <Tile minor name="Cache hits" value={rate === undefined ? "–" : `${rate.toFixed(0)} %`} note={`${number(cache.hits)} answers`} />}
      {replicas && <Tile name="Order replicas" value={`${alive} of ${replicas.length}`} note={alive === replicas.length ? "all respond" : "one or more are down"} />}
    </dl>
  );
}

function Tile({ name, value, note, minor }) {
  return (
    <div class={minor ? "tile card minor" : "tile card"}>
      <dt>{name}</dt>
      <dd><b>{value}</b><small>{note}</small></dd>
    </div>
  );
}

/** The numbers of the last minute, which also change when nothing happens. */
export function useMeasurements() {
  const taken = useStore(measurements);
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return summary(taken);
}

/** The value of a person's cash and shares at the prices that this page sees, in dollars. */
function portfolio({ wallet, holdings }, stocks) {
  const prices = new Map(stocks?.map(({ id, price }) => [id, Number(price.amount)]));
  const cash = [wallet.balance, wallet.committed, wallet.held].reduce((sum, { amount }) => sum + Number(amount), 0);
  const shares = ({ free, committed, held, stock }) => (free + committed + held) * (prices.get(stock.id) ?? 0);
  return (holdings?.nodes ?? []).reduce((sum, holding) => sum + shares(holding), cash);
}
