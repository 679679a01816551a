import "./workers.js";

import "@fontsource/fira-code/latin-400.css";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "@graphiql/plugin-explorer/style.css";
import "./style.css";

import { explorerPlugin } from "@graphiql/plugin-explorer";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { createRoot } from "react-dom/client";

import { Bar, useServerConfig } from "./Bar.jsx";
import { Tools } from "./Tools.jsx";
import { FIRST_TABS } from "./examples.js";
import { fetcher } from "./fetcher.js";
import { tabOfAddress } from "./share.js";

const PLUGINS = [HISTORY_PLUGIN, explorerPlugin()];

const shared = tabOfAddress();
// The tab is stored now: a reload must not open it again over what was edited.
if (shared) history.replaceState(null, "", location.pathname);

/** Moves the focus past the bar and GraphiQL's buttons. */
function toEditor(event) {
  event.preventDefault();
  document.querySelector(".graphiql-query-editor textarea, .graphiql-query-editor [contenteditable]")?.focus();
}

function Page() {
  const config = useServerConfig();
  return (
    <>
      <a className="skip" href="#page" onClick={toEditor}>Skip to the editor</a>
      <Bar config={config} />
      <main>
        <h1 className="unseen">GraphiQL</h1>
        {config && <GraphiQL
          fetcher={fetcher}
          plugins={PLUGINS}
          defaultTabs={shared ? [shared] : config.isForeign ? undefined : FIRST_TABS}
          initialQuery={shared?.query}
          initialVariables={shared?.variables ?? undefined}
          defaultEditorToolsVisibility="variables"
        >
          <GraphiQL.Toolbar>{(buttons) => <Tools {...buttons} hasExamples={!config.isForeign} />}</GraphiQL.Toolbar>
          <GraphiQL.Logo>
            <></>
          </GraphiQL.Logo>
        </GraphiQL>}
      </main>
    </>
  );
}

createRoot(document.getElementById("page")).render(<Page />);
