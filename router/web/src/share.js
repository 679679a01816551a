// Links that open an operation on this page, and the same operation as a command or as a script.

import { exampleNamed, toTab } from "./examples.js";

/** Returns the tab that the address names by `?example=` or by `?query=` and `?variables=`; undefined if it names none. */
export function tabOfAddress(address = location.href) {
  const parameters = new URL(address).searchParams;
  const example = exampleNamed(parameters.get("example"));
  if (example) return toTab(example);
  const query = parameters.get("query");
  return query ? { query, variables: parameters.get("variables") } : undefined;
}

/** Returns the address that opens this operation. */
export function linkTo({ query, variables }) {
  const link = new URL(import.meta.env.BASE_URL, location.href);
  link.searchParams.set("query", query);
  if (variables.trim()) link.searchParams.set("variables", variables);
  return link.href;
}

/** Returns a command for a shell. The token stays a variable: a command is often passed on. */
export function curlOf(operation) {
  const header = operation.signedIn ? " \\\n  -H \"authorization: Bearer $AGORA_TOKEN\"" : "";
  const quoted = JSON.stringify(bodyOf(operation)).replaceAll("'", "'\\''");
  return `curl -s ${location.origin}/graphql \\\n  -H 'content-type: application/json'${header} \\\n  -d '${quoted}'`;
}

/** Returns a script for a browser or for Node. */
export function fetchOf(operation) {
  const body = JSON.stringify(bodyOf(operation), null, 2).replaceAll("\n", "\n  ");
  const header = operation.signedIn ? ", authorization: `Bearer ${token}`" : "";
  return `const response = await fetch("${location.origin}/graphql", {
  method: "POST",
  headers: { "content-type": "application/json"${header} },
  body: JSON.stringify(${body}),
});
const { data, errors } = await response.json();`;
}

function bodyOf({ query, variables, operationName }) {
  return { query, ...(variables.trim() && { variables: parsed(variables) }), ...(operationName && { operationName }) };
}

/** Variables that are no JSON yet are passed on as they are. */
function parsed(variables) {
  try {
    return JSON.parse(variables);
  } catch {
    return variables;
  }
}
