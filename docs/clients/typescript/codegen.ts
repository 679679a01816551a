import type { CodegenConfig } from "@graphql-codegen/cli";

// The schema of this checkout. Another project downloads it once: see docs/CLIENTS.md.
const config: CodegenConfig = {
  schema: "../../../schema.graphql",
  documents: "src/*.ts",
  importExtension: ".js",
  generates: {
    "src/generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: "string",
        enumsAsTypes: true,
        // A scalar that is not listed here is an error.
        strictScalars: true,
        scalars: {
          Date: "string",
          DateTime: "string",
          Money: {
            input: "{ amount: string; currency?: string }",
            output: "{ amount: string; currency: string }",
          },
        },
      },
    },
  },
};

export default config;
