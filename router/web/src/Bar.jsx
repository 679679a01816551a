// The bar above GraphiQL: where you are, and as whom.

import { useEffect, useRef, useState, useSyncExternalStore } from "react";

import { onSessionChange, session, signIn, signOut } from "./session.js";

/** `demo` names the people of a demo server and their password; undefined on any other server. */
export function Bar({ demo }) {
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

  const people = demo?.people ?? [];
  const stranger = who && !people.includes(who);
  return (
    <header className="bar">
      <a className="bar-home" href="/" title="What is where on this server">
        <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width="22" height="22" />
        Agora
      </a>
      <span className="bar-place">GraphiQL</span>
      <div className="bar-account" aria-busy={wait}>
        {problem && !form.current?.open && <span className="bar-problem" role="alert">{problem}</span>}
        <span className="bar-label">{who ? (stranger ? <>Signed in as <b>{who}</b></> : "Signed in as") : people.length > 0 && "Sign in as"}</span>
        {people.length > 0 && (
          <div className="bar-people" role="group" aria-label="People of the demo">
            {people.map((name) => (
              <button key={name} type="button" aria-pressed={who === name} disabled={wait} onClick={() => attempt(name, demo.password)}>
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
      </div>
      <SignInForm ref={form} wait={wait} problem={problem} clear={() => setProblem("")} attempt={attempt} />
    </header>
  );
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

/** What the server says about itself: `{}` unless it is a demo. */
export function useServerConfig() {
  const [config, setConfig] = useState({});
  useEffect(() => {
    fetch(`${import.meta.env.BASE_URL}config.json`)
      .then((response) => (response.ok ? response.json() : {}))
      .then((found) => setConfig(found ?? {}))
      .catch(() => {});
  }, []);
  return config;
}
