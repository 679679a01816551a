// Compares the verdicts of a running Agora and of graphql-js on some hundreds of valid and invalid documents over the same
// schema. No mutation runs: every document is sent with an operationName that it does not have. Queries that are valid then run,
// because planning must not refuse them either.
//
//   AGORA_URL=http://127.0.0.1:4000 node --test validation.mjs

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { buildClientSchema, buildSchema, getIntrospectionQuery, parse, printSchema, specifiedRules, validate, valueFromASTUntyped, visit } from "graphql";

import { DIFFERENCES, DOCUMENTS } from "./documents.mjs";

if (!process.env.AGORA_URL) {
  console.error("AGORA_URL is not set: it names a running Agora, such as http://127.0.0.1:4000");
  process.exit(2);
}
const url = `${new URL(process.env.AGORA_URL).origin}/graphql`;
const NO_OPERATION = "no_operation_of_this_name";

const schema = buildSchema(readFileSync(new URL("../../schema.graphql", import.meta.url), "utf8"));

/** Refuses a literal as the scalar's specification does. An independent implementation, for the comparison. */
function literals(name, isValue) {
  schema.getType(name).parseLiteral = (node) => {
    let hasVariable = false;
    visit(node, { Variable: () => { hasVariable = true; } });
    const value = valueFromASTUntyped(node);
    if (!hasVariable && !isValue(value)) throw new TypeError(`not a ${name}`);
    return value;
  };
}

const isDay = (text) => {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  if (!year || month < 1 || month > 12) return false;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day >= 1 && day <= [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
};
const isMoment = (text) => {
  const match = /^(.{10})[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|[+-](\d\d):(\d\d))$/.exec(text);
  if (!match || !isDay(match[1])) return false;
  const [, day, hour, minute, second, offsetHour = 0, offsetMinute = 0] = match;
  const isLeap = second === "60" && /-(06-30|12-31)$/.test(day) && hour === "23" && minute === "59";
  return hour < 24 && minute < 60 && (second < 60 || isLeap) && offsetHour < 24 && offsetMinute < 60;
};
const isText = (value) => typeof value === "string";
literals("Date", (value) => isText(value) && isDay(value) && value >= "0001-01-01");
literals("DateTime", (value) => isText(value) && isMoment(value));
literals("Money", (value) => {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  const { amount, currency = "USD", ...others } = value;
  return isText(amount) && /^-?\d+(\.\d{1,2})?$/.test(amount) && Math.abs(amount) <= 1e12
    && isText(currency) && /^[A-Z]{3}$/.test(currency) && Object.keys(others).length === 0;
});

/** Returns the errors that graphql-js finds in a document, if any. */
function reference(document) {
  try {
    return validate(schema, parse(document), specifiedRules)[0]?.message;
  } catch (error) {
    return error.message;
  }
}

async function send(body) {
  const headers = { "content-type": "application/json", accept: "application/graphql-response+json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: response.status, ...(await response.json()) };
}

/** Returns the errors that Agora finds in a document, if any. */
async function agora(document) {
  const { status, data, errors } = await send({ query: document, operationName: NO_OPERATION });
  assert.equal(data, undefined, document);
  assert.equal(status, 400, `${document}: ${status}`);
  const [{ message, extensions }] = errors;
  const known = ["GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "INVALID_INPUT", "QUERY_TOO_COMPLEX", "OPERATION_NOT_FOUND"];
  assert.ok(known.includes(extensions.code), `${document}: ${extensions.code}`);
  return extensions.code === "OPERATION_NOT_FOUND" ? refusal(document) : message;
}

/** Returns the error with which Agora refuses to run a query, if it is the only operation of its document and needs no variables. */
async function refusal(document) {
  const operations = parse(document).definitions.filter(({ kind }) => kind === "OperationDefinition");
  const needed = ({ type, defaultValue }) => (type.kind === "NonNullType" && !defaultValue) || defaultValue?.kind === "NullValue";
  if (operations.length !== 1 || operations[0].operation !== "query" || operations[0].variableDefinitions.some(needed)) return undefined;
  const { data, errors } = await send({ query: document });
  // A limit is no verdict.
  return data === undefined && errors[0].extensions.code !== "QUERY_TOO_COMPLEX" ? errors[0].message : undefined;
}

for (const [rule, { valid, invalid }] of Object.entries(DOCUMENTS)) {
  test(rule, async () => {
    const wrong = [];
    for (const [document, isValid] of [...valid.map((text) => [text, true]), ...invalid.map((text) => [text, false])]) {
      const [theirs, ours] = [reference(document), await agora(document)];
      if ((theirs === undefined) !== isValid) wrong.push(`graphql-js on ${document}: ${theirs ?? "valid"}`);
      if ((ours === undefined) !== isValid) wrong.push(`Agora on ${document}: ${ours ?? "valid"}`);
    }
    assert.deepEqual(wrong, []);
  });
}

test("there are documents enough, and none twice", () => {
  const all = Object.values(DOCUMENTS).flatMap(({ valid, invalid }) => [...valid, ...invalid]);
  assert.ok(all.length >= 400, `${all.length} documents`);
  assert.deepEqual(all.filter((document, index) => all.indexOf(document) !== index), []);
});

test("Agora and graphql-js disagree where they are known to, and only there", async () => {
  for (const [document, why] of Object.entries(DIFFERENCES)) {
    const [theirs, ours] = [reference(document), await agora(document)];
    assert.notEqual(theirs === undefined, ours === undefined, `${document} (${why}): both say ${ours ?? "valid"}`);
  }
});

test("the introspection query works with all its options, and tells the schema", async () => {
  const query = getIntrospectionQuery({
    descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true,
    inputValueDeprecation: true, experimentalDirectiveDeprecation: true, oneOf: true,
  });
  const { status, data, errors } = await send({ query });
  assert.equal(errors, undefined);
  assert.equal(status, 200);
  const told = buildClientSchema(data);
  assert.match(told.getType("Date").specifiedByURL, /rfc3339/);
  assert.match(told.getType("DateTime").specifiedByURL, /rfc3339/);
  const named = data.__schema.types.find(({ name }) => name === "GrantInput");
  assert.equal(named.isOneOf, false);
  assert.equal(data.__schema.types.find(({ name }) => name === "User").isOneOf, null);
  assert.equal(printSchema(told), printSchema(buildSchema(readFileSync(new URL("../../schema.graphql", import.meta.url), "utf8"))));
});
