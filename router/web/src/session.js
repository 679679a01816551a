// Who is signed in on this page. Kept for the browser tab only, and renewed before it runs out.

const KEY = "agora:session";
const RENEW_MS_BEFORE_END = 30_000;
const SIGNED_IN = "token refreshToken expiresAt user { username }";

let current = stored();
let renewal = null;
const listeners = new Set();

/** The session, or null. The same object until it changes. */
export function session() {
  return current;
}

export function onSessionChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Signs in. Rejects with the server's own words. */
export async function signIn(login, password) {
  const query = `mutation SignIn($login: String!, $password: String!) { signedIn: login(login: $login, password: $password) { ${SIGNED_IN} } }`;
  become(await signedIn(query, { login, password }));
}

/** Ends the session here at once, and on the server if it can be reached. */
export async function signOut() {
  const had = current;
  become(null);
  if (had) await ask("mutation SignOut { logout }", {}, had.token).catch(() => {});
}

/** The `Authorization` header of whoever is signed in: renewed when it is about to end, undefined when nobody is. */
export async function authorization() {
  if (current && Date.parse(current.expiresAt) - Date.now() < RENEW_MS_BEFORE_END) await renew();
  return current ? `Bearer ${current.token}` : undefined;
}

/** Gets a new token for the same person. If the server refuses it, nobody is signed in any more. */
export function renew() {
  renewal ??= (async () => {
    const query = `mutation Renew($token: String!) { signedIn: refresh(token: $token) { ${SIGNED_IN} } }`;
    try {
      become(await signedIn(query, { token: current?.refreshToken ?? "" }));
    } catch (error) {
      // A server that cannot be reached has refused nothing: fetch tells the two apart by its TypeError.
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
