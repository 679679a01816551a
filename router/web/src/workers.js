// The editor's language services, each in a worker that is a file of the page's own origin.

import EditorWorker from "monaco-editor/esm/vs/editor/editor.worker.js?worker";
import JsonWorker from "monaco-editor/esm/vs/language/json/json.worker.js?worker";
import GraphQLWorker from "monaco-graphql/esm/graphql.worker.js?worker";

globalThis.MonacoEnvironment = {
  getWorker(_, language) {
    if (language === "json") return new JsonWorker();
    if (language === "graphql") return new GraphQLWorker();
    return new EditorWorker();
  },
};
