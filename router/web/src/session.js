// The session of the person that is signed in on this page. It is stored for the browser tab only, and renewed before it
// expires.

const KEY = "agora:session";
const RENEW_MS_BEFORE_END = 30_000;
const SIGNED_IN = "token refreshToken expiresAt user { username }";

let current = stored();
let renewal = null;
const listeners = new Set();

/** Returns the session, or null. It is the same object until it changes. */
export function session() {
  return current;
}

export function onSessionChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Signs in. Rejects with the server's error message. */
export async function signIn(login, password) {
  const query = `mutation SignIn($login: String!, $password: String!) { signedIn: login(login: $login, password: $password) { ${SIGNED_IN} } }`;
  become(await signedIn(query, { login, password }));
}

/** Ends the session on this page at once, and on the server if it is reachable. */
export async function signOut() {
  const had = current;
  become(null);
  if (had) await ask("mutation SignOut { logout }", {}, had.token).catch(() => {});
}

/** Returns the `Authorization` header of the session, renewed when it is about to expire; undefined without a session. */
export async function authorization() {
  if (current && Date.parse(current.expiresAt) - Date.now() < RENEW_MS_BEFORE_END) await renew();
  return current ? `Bearer ${current.token}` : undefined;
}

/** Gets a new token for the same person. If the server refuses it, the session ends. */
export function renew() {
  renewal ??= (async () => {
    const query = `mutation Renew($token: String!) { signedIn: refresh(token: $token) { ${SIGNED_IN} } }`;
    try {
      become(await signedIn(query, { token: current?.refreshToken ?? "" }));
    } catch (error) {
      // An unreachable server has not refused the token: in that case, fetch throws a TypeError.
      if (!(error instanceof TypeError)) become(null);
    } finally {
      renewal = null;
    }
  })();
  return renewal;
}

async function signedIn(query, variables) {
  const { token, refreshToken, expiresAt, user } = (await ask(query, variables)).signedIn;
  return { token, refreshToken, expiresAt, username: user.username };
}

async function ask(query, variables, token) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json().catch(() => ({}));
  if (errors?.length) throw new Error(errors[0].message);
  if (!data) throw new Error(`The server answered ${response.status}.`);
  return data;
}

function become(next) {
  current = next;
  if (next) sessionStorage.setItem(KEY, JSON.stringify(next));
  else sessionStorage.removeItem(KEY);
  for (const listener of listeners) listener();
}

function stored() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY));
    return found?.token && found.username ? found : null;
  } catch {
    return null;
  }
}
