import "../../../src/http/pages/agora.css";
import "uplot/dist/uPlot.min.css";
import "./console.css";

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";

import { Community } from "./Community.jsx";
import { Header } from "./Header.jsx";
import { Market } from "./Market.jsx";
import { Notices } from "./Notices.jsx";
import { Pulse } from "./Pulse.jsx";
import { Stores } from "./Stores.jsx";
import { System } from "./System.jsx";
import { startCommunity } from "./community.js";
import { startGoods } from "./goods.js";
import { startMarket } from "./market.js";
import { person, startPerson } from "./person.js";
import { useStore } from "./store.js";
import { startSystem } from "./system.js";

const VIEWS = [
  { name: "market", title: "Market", View: Market },
  { name: "stores", title: "Stores", View: Stores },
  { name: "community", title: "Community", View: Community },
  { name: "system", title: "System", View: System },
];

function Page() {
  const view = useView();
  const unread = useStore(person)?.unreadCount ?? 0;
  useEffect(() => {
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${view.title} · Agora Console`;
  }, [view, unread]);
  return (
    <>
      <a class="skip" href="#content" onClick={skip}>Skip to the content</a>
      <Header />
      <nav class="views" aria-label="Views">
        <ul class="places">
          {VIEWS.map(({ name, title }) => (
            <li key={name}>
              <a href={`#${name}`} aria-current={view.name === name ? "page" : undefined}>
                {title}
                {name === "community" && unread > 0 && <span class="badge">{unread}<span class="unseen"> unread messages</span></span>}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <main id="content" tabIndex={-1} class="console">
        <h1 class="unseen">{view.title}</h1>
        <Pulse />
        <view.View />
      </main>
      <Notices />
    </>
  );
}

/** The link must not change the hash, which names the view. */
function skip(event) {
  event.preventDefault();
  document.getElementById("content").focus();
}

function useView() {
  const named = () => VIEWS.find(({ name }) => `#${name}` === location.hash) ?? VIEWS[0];
  const [view, setView] = useState(named);
  useEffect(() => {
    const change = () => {
      setView(named);
      scrollTo(0, 0);
    };
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  return view;
}

startMarket();
startPerson();
startGoods();
startCommunity();
startSystem();
const place = document.getElementById("page");
place.replaceChildren();
render(<Page />, place);
