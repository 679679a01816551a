// Sends typed operations with `fetch`.

import type { TypedDocumentString } from "./generated/graphql.js";

const AGORA_URL = process.env.AGORA_URL ?? "http://127.0.0.1:4000";

/** An error that the server reported. The code is stable, the message is for people: see docs/ERRORS.md. */
export class AgoraError extends Error {
  constructor(
    message: string,
    readonly code?: string,
  ) {
    super(message);
  }
}

type Answer<Result> = { data?: Result; errors?: { message: string; extensions?: { code?: string } }[] };

/** Executes an operation. The types of its variables and its result are those of the document. */
export async function graphql<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
  token?: string,
): Promise<Result> {
  const response = await fetch(`${AGORA_URL}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json",
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query: document.toString(), variables }),
  });
  const { data, errors } = (await response.json()) as Answer<Result>;
  if (errors) throw new AgoraError(errors[0].message, errors[0].extensions?.code);
  return data!;
}
