// The bar: the other pages, the state of the connection, and the signed-in person.

import { useEffect, useRef, useState } from "preact/hooks";

import { onSessionChange, session, signIn, signOut } from "../../src/session.js";
import { connection } from "./graph.js";
import { announce } from "./notices.js";
import { store, useStore } from "./store.js";

/** The username of the session. */
const username = store(session()?.username ?? null);
onSessionChange(() => username.set(session()?.username ?? null));

/** The people of a demo, who sign in with one click: `{ people, password }`; null without a demo. */
const demo = store(null);
fetch(`${import.meta.env.BASE_URL}config.json`)
  .then((response) => (response.ok ? response.json() : {}))
  .then((config) => demo.set(config.demo ?? null))
  .catch(() => {});

const STATES = { open: "Live", connecting: "Connecting…", closed: "Not connected. Trying again…" };

export function Header() {
  const state = useStore(connection);
  return (
    <header class="top">
      <a class="brand" href="/"><img src="/console/agora.svg" alt="" width="24" height="24" />Agora</a>
      <nav aria-label="Pages">
        <ul class="places">
          <li><a href="/console/" aria-current="page">Console</a></li>
          <li><a href="/graphiql/">GraphiQL</a></li>
          <li><a href="/orders">Replicas</a></li>
          <li><a href="/docs">REST</a></li>
        </ul>
      </nav>
      <span class={`live ${state}`} role="status">{STATES[state]}</span>
      <Account />
    </header>
  );
}

function Account() {
  const name = useStore(username);
  if (!name) return <SignIn label="Sign in" />;
  return (
    <div class="account">
      <span class="account-name"><span class="unseen">Signed in as </span>{name}</span>
      <SignIn label="Switch" quiet />
      <button type="button" class="button quiet" onClick={() => signOut()}>Sign out</button>
    </div>
  );
}

/** A button that opens the dialog to sign in. */
export function SignIn({ label, quiet }) {
  const dialog = useRef(null);
  return (
    <>
      <button type="button" class={`button ${quiet ? "quiet" : "loud"}`} onClick={() => dialog.current.showModal()}>{label}</button>
      <SignInDialog dialog={dialog} />
    </>
  );
}

function SignInDialog({ dialog }) {
  const shown = useStore(demo);
  const [problem, setProblem] = useState("");
  const [waits, setWaits] = useState(false);
  useEffect(() => {
    const close = (event) => event.target === dialog.current && dialog.current.close();
    dialog.current.addEventListener("click", close);
  }, []);

  async function attempt(login, password) {
    setWaits(true);
    setProblem("");
    try {
      await signIn(login, password);
      dialog.current?.close();
      announce(`Signed in as ${login}.`);
    } catch (error) {
      setProblem(error.message.charAt(0).toUpperCase() + error.message.slice(1));
    } finally {
      setWaits(false);
    }
  }

  function submit(event) {
    event.preventDefault();
    const entered = new FormData(event.currentTarget);
    attempt(entered.get("login").trim(), entered.get("password"));
  }

  return (
    <dialog ref={dialog} class="dialog card" aria-label="Sign in" onClose={() => setProblem("")}>
      <div class="stack">
        <h2>Sign in</h2>
        {shown && (
          <>
            <p class="soft">People of the demo, with one click:</p>
            <div class="people">
              {shown.people.map((name) => (
                <button key={name} type="button" class="button" disabled={waits} onClick={() => attempt(name, shown.password)}>
                  {name}
                  <small>{ROLES[name]}</small>
                </button>
              ))}
            </div>
          </>
        )}
        <form class="stack" onSubmit={submit}>
          <label class="field">Username or email<input name="login" autoComplete="username" autoCapitalize="none" spellcheck={false} required /></label>
          <label class="field">Password<input name="password" type="password" autoComplete="current-password" required /></label>
          <p class="bad" role="alert">{problem}</p>
          <div class="actions">
            <button type="button" class="button quiet" onClick={() => dialog.current.close()}>Cancel</button>
            <button type="submit" class="button loud" disabled={waits}>Sign in</button>
          </div>
        </form>
      </div>
    </dialog>
  );
}

/** The parts that the people of the demo play. */
const ROLES = { ada: "investor", ben: "broker", cleo: "reader", dan: "reader", admin: "operator" };
