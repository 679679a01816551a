// The menu of examples in the bar, and the buttons to share an operation in GraphiQL's toolbar.

import { ToolbarButton, pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";

import { EXAMPLES, nameOf, toTab } from "./examples.js";
import { session } from "./session.js";
import { curlOf, fetchOf, linkTo } from "./share.js";

/** The element of the bar that takes the menu. GraphiQL's state is only within reach of its own children. */
export const MENU_PLACE = "examples";
const SHOWN_MS = 2500;

export function Tools({ prettify, merge, copy, hasExamples }) {
  useSchemeOfSystem();
  const place = document.getElementById(MENU_PLACE);
  return (
    <>
      {prettify}
      {merge}
      {copy}
      <Share />
      {place && hasExamples && createPortal(<Examples />, place)}
    </>
  );
}

/** GraphiQL reads the colour scheme of the system once; this follows it, unless the person chose one in the settings. */
function useSchemeOfSystem() {
  const { setTheme } = useGraphiQLActions();
  const theme = useGraphiQL((state) => state.theme);
  useEffect(() => {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const change = () => theme === null && setTheme(null);
    media.addEventListener("change", change);
    return () => media.removeEventListener("change", change);
  }, [theme, setTheme]);
}

function Examples() {
  const { addTab, changeTab } = useGraphiQLActions();
  const { tabs, queryEditor, variableEditor } = useGraphiQL(pick("tabs", "queryEditor", "variableEditor"));
  const menu = useRef(null);

  useEffect(() => {
    const closeOutside = (event) => !menu.current.contains(event.target) && menu.current.removeAttribute("open");
    document.addEventListener("pointerdown", closeOutside);
    return () => document.removeEventListener("pointerdown", closeOutside);
  }, []);

  function open(example) {
    menu.current.removeAttribute("open");
    const { query, variables } = toTab(example);
    const index = tabs.findIndex((tab) => tab.query === query);
    if (index >= 0) {
      changeTab(index);
    } else {
      addTab();
      queryEditor.setValue(query);
      variableEditor.setValue(variables ?? "");
    }
    queryEditor.focus();
  }

  function onKeyDown(event) {
    if (event.key !== "Escape") return;
    menu.current.removeAttribute("open");
    menu.current.querySelector("summary").focus();
  }

  return (
    <details ref={menu} className="examples" onKeyDown={onKeyDown}>
      <summary>Examples</summary>
      <div className="examples-list">
        {groups().map(([group, examples]) => (
          <section key={group} aria-label={group}>
            <h2>{group}</h2>
            <ul>
              {examples.map((example) => (
                <li key={example.title}>
                  <button type="button" data-example={nameOf(example)} onClick={() => open(example)}>
                    {example.title}
                    <small>{example.as ? `as ${example.as}` : "public"}</small>
                  </button>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </details>
  );
}

function groups() {
  const byName = new Map();
  for (const example of EXAMPLES) byName.set(example.group, [...(byName.get(example.group) ?? []), example]);
  return [...byName];
}

const WAYS = [
  { label: "Copy a link to this operation", sign: "link", write: linkTo, told: "Link copied." },
  { label: "Copy as cURL", sign: "cURL", write: curlOf, told: "Command copied." },
  { label: "Copy as fetch", sign: "fetch", write: fetchOf, told: "Script copied." },
];

function Share() {
  const { queryEditor, variableEditor, operationName } = useGraphiQL(pick("queryEditor", "variableEditor", "operationName"));
  const [told, setTold] = useState("");
  const timer = useRef(0);

  async function copy({ write, told: success }) {
    const operation = { query: queryEditor.getValue(), variables: variableEditor?.getValue() ?? "", operationName, signedIn: Boolean(session()) };
    try {
      await navigator.clipboard.writeText(write(operation));
      setTold(success);
    } catch {
      setTold("The browser does not let this page write to the clipboard.");
    }
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setTold(""), SHOWN_MS);
  }

  return (
    <>
      {WAYS.map((way) => (
        <ToolbarButton key={way.sign} label={way.label} onClick={() => copy(way)}>
          <span className="tool-sign" aria-hidden="true">{way.sign}</span>
        </ToolbarButton>
      ))}
      {createPortal(<p className="told" role="status">{told}</p>, document.body)}
    </>
  );
}
