// Replaces prettier's JavaScript parser and printer, because GraphiQL uses them only to format JSON. The bundle is half a
// megabyte smaller.

import { applyEdits, format } from "jsonc-parser";

const LAYOUT = { insertSpaces: true, tabSize: 2, eol: "\n", insertFinalNewline: false };

export const parsers = {
  jsonc: { astFormat: "jsonc-text", parse: (text) => ({ text }), locStart: () => 0, locEnd: (node) => node.text.length },
};

export const printers = {
  "jsonc-text": {
    print(path) {
      const { text } = path.node;
      return applyEdits(text, format(text, undefined, LAYOUT)).trim();
    },
  },
};
