import "./workers.js";

import "@fontsource/roboto/latin-400.css";
import "@fontsource/roboto/latin-500.css";
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
import { TABS } from "./examples.js";
import { fetcher } from "./fetcher.js";

const PLUGINS = [HISTORY_PLUGIN, explorerPlugin()];

function Page() {
  const config = useServerConfig();
  return (
    <>
      <Bar config={config} />
      <main>
        <GraphiQL fetcher={fetcher} plugins={PLUGINS} defaultTabs={TABS} defaultEditorToolsVisibility="variables">
          <GraphiQL.Logo>
            <></>
          </GraphiQL.Logo>
        </GraphiQL>
      </main>
    </>
  );
}

createRoot(document.getElementById("page")).render(<Page />);
