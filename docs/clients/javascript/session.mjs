// The session of one person: signs in, and renews the access token before it expires. Needs nothing but `fetch`.

/** The address of Agora, without a path. A page has no `process`. */
export const AGORA_URL = globalThis.process?.env.AGORA_URL ?? "http://127.0.0.1:4000";

/** The access token is renewed when it expires in less than this. */
const RENEW_MS_BEFORE_END = 30_000;
const SIGNED_IN = "token refreshToken expiresAt user { username }";

let session;
let renewal;

/** An error that the server reported. The code is stable, the message is for people: see docs/ERRORS.md. */
export class AgoraError extends Error {
  constructor({ message, extensions }) {
    super(message);
    this.code = extensions?.code;
  }
}

/** Signs in, and returns the person. */
export async function signIn(login, password) {
  const query = `mutation SignIn($login: String!, $password: String!) {
    session: login(login: $login, password: $password) { ${SIGNED_IN} }
  }`;
  session = await send(query, { login, password });
  return session.user;
}

/** Returns the `Authorization` header of the session, renewed if it is about to expire. */
export async function authorization() {
  if (renewalDueMs() <= 0) await renew();
  return session && `Bearer ${session.token}`;
}

/** Returns in how many milliseconds the access token has to be renewed; undefined without a session. */
export function renewalDueMs() {
  return session && Date.parse(session.expiresAt) - Date.now() - RENEW_MS_BEFORE_END;
}

/**
 * Exchanges the refresh token for new tokens. A refresh token is valid once, and a second use ends the session. So there
 * is one exchange at a time: all callers wait for the same one.
 */
export function renew() {
  const query = `mutation Renew($token: String!) { session: refresh(token: $token) { ${SIGNED_IN} } }`;
  renewal ??= send(query, { token: session?.refreshToken ?? "" })
    .then((renewed) => {
      session = renewed;
    })
    .catch((error) => {
      // The server refuses the refresh token, so the session has ended, and the person signs in again.
      if (error instanceof AgoraError) session = undefined;
      throw error;
    })
    .finally(() => {
      renewal = undefined;
    });
  return renewal;
}

/** Sends a mutation that returns tokens. It has no `Authorization`: an expired token there would be refused. */
async function send(query, variables) {
  const response = await fetch(`${AGORA_URL}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new AgoraError(errors[0]);
  return data.session;
}
