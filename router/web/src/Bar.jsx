// The bar above GraphiQL: the name of the page and the signed-in person.

import { useEffect, useRef, useState, useSyncExternalStore } from "react";

import { MENU_PLACE } from "./Tools.jsx";
import { onSessionChange, session, signIn, signOut } from "./session.js";

/** `config` is the configuration from the server; null until it has arrived. */
export function Bar({ config }) {
  const who = useSyncExternalStore(onSessionChange, session)?.username;
  const [wait, setWait] = useState(false);
  const [problem, setProblem] = useState("");
  const form = useRef(null);

  async function attempt(login, password) {
    setWait(true);
    setProblem("");
    try {
      await signIn(login, password);
      form.current?.close();
    } catch (error) {
      setProblem(error.message);
    } finally {
      setWait(false);
    }
  }

  const people = config?.demo?.people ?? [];
  return (
    <header className="bar">
      <a className="bar-home" href="/">
        <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width="24" height="24" />
        Agora
      </a>
      {config && !config.hasOnlyGraphiql && <nav className="bar-places" aria-label="Pages">
        <a href="/console/">Console</a>
        <a href="/graphiql/" aria-current="page">GraphiQL</a>
        <a href="/orders">Replicas</a>
        <a href="/docs">REST</a>
        <a href="/docs/errors">Errors</a>
      </nav>}
      <div id={MENU_PLACE} />
      {config && !config.isForeign && <div className="bar-account" aria-busy={wait}>
        {problem && !form.current?.open && <span className="bar-problem" role="alert">{problem}</span>}
        <Label who={who} people={people} />
        {people.length > 0 && (
          <div className="bar-people" role="group" aria-label="People of the demo">
            {people.map((name) => (
              <button key={name} type="button" aria-pressed={who === name} disabled={wait} onClick={() => attempt(name, config.demo.password)}>
                {name}
              </button>
            ))}
          </div>
        )}
        {who ? (
          <button type="button" className="bar-quiet" onClick={() => signOut()}>Sign out</button>
        ) : (
          <button type="button" className={people.length ? "bar-quiet" : "bar-loud"} onClick={() => form.current.showModal()}>
            {people.length ? "Other…" : "Sign in"}
          </button>
        )}
      </div>}
      <SignInForm ref={form} wait={wait} problem={problem} clear={() => setProblem("")} attempt={attempt} />
    </header>
  );
}

/** The pressed button already shows which of the demo's people is signed in: the label names only other people. */
function Label({ who, people }) {
  if (!who) return people.length > 0 && <span className="bar-label">Sign in as</span>;
  return <span className="bar-label">Signed in as {!people.includes(who) && <b>{who}</b>}</span>;
}

function SignInForm({ ref, wait, problem, clear, attempt }) {
  function submit(event) {
    event.preventDefault();
    const entered = new FormData(event.currentTarget);
    attempt(entered.get("login").trim(), entered.get("password"));
  }
  function closed(event) {
    event.currentTarget.querySelector("form").reset();
    clear();
  }
  return (
    <dialog ref={ref} className="sign-in" aria-labelledby="sign-in-title" onClose={closed}>
      <form onSubmit={submit}>
        <h2 id="sign-in-title">Sign in</h2>
        <label>
          Username or email
          <input name="login" autoComplete="username" autoCapitalize="none" spellCheck="false" required autoFocus />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <p className="sign-in-problem" role="alert">{problem}</p>
        <div className="sign-in-buttons">
          <button type="button" className="bar-quiet" onClick={(event) => event.currentTarget.closest("dialog").close()}>Cancel</button>
          <button type="submit" className="bar-loud" disabled={wait}>Sign in</button>
        </div>
      </form>
    </dialog>
  );
}

/**
 * The configuration from the server: null until it has arrived, then `{ demo: { people, password }, hasOnlyGraphiql, isForeign }`. Only
 * a demo has `demo`, and only a router has the others.
 */
export function useServerConfig() {
  const [config, setConfig] = useState(null);
  useEffect(() => {
    fetch(`${import.meta.env.BASE_URL}config.json`)
      .then((response) => (response.ok ? response.json() : {}))
      .then((found) => setConfig(found ?? {}))
      .catch(() => setConfig({}));
  }, []);
  return config;
}
