// The notices of everything that ends up in the page, in one file beside it.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, sep } from "node:path";

const TEXT = /^(licen[cs]e|copying|notice|thirdpartynotices)(-[\w.]+)?(\.(md|txt))?$/i;

/** Two plugins that share one list: workers are bundles of their own, built before the page is. */
export function licenseNotices({ fileName }) {
  const folders = new Map();

  function collect(bundle) {
    for (const chunk of Object.values(bundle)) {
      for (const id of chunk.moduleIds ?? []) note(id);
    }
  }

  function note(id) {
    if (id.startsWith("\0") || !id.includes(`${sep}node_modules${sep}`)) return;
    const { folder, about } = packageOf(id.split("?")[0]);
    folders.set(`${about.name} ${about.version}`, { folder, about });
  }

  return {
    worker: { name: "license-notices-of-workers", generateBundle: (_, bundle) => collect(bundle) },
    page: {
      name: "license-notices",
      generateBundle(_, bundle) {
        collect(bundle);
        // Style sheets and the fonts they name are in no chunk.
        for (const id of this.getModuleIds()) note(id);
        this.emitFile({ type: "asset", fileName, source: notices(folders) });
      },
    },
  };
}

function packageOf(file) {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (!existsSync(manifest)) continue;
    const about = JSON.parse(readFileSync(manifest, "utf8"));
    if (about.name && about.version) return { folder, about };
  }
  throw new Error(`${file} belongs to no package`);
}

/** Every text once, under the names of the packages that carry it. */
function notices(folders) {
  const carriers = new Map();
  for (const name of [...folders.keys()].sort()) {
    const { folder, about } = folders.get(name);
    const files = readdirSync(folder).filter((file) => TEXT.test(file)).sort();
    const texts = files.length > 0 ? files.map((file) => readFileSync(join(folder, file), "utf8")) : [credit(about)];
    const text = texts.map((text) => text.replaceAll("\r\n", "\n").trim()).join("\n\n");
    carriers.set(text, [...(carriers.get(text) ?? []), `${name} (${about.license ?? "see below"})`]);
  }
  const parts = [...carriers].map(([text, names]) => `${"=".repeat(80)}\n${names.join("\n")}\n\n${text}\n`);
  return ["This page is made with the following packages.\n", ...parts].join("\n");
}

/** For a package that ships no licence text: who wrote it, and where it is. */
function credit({ author, repository, homepage }) {
  const who = typeof author === "string" ? author : author?.name;
  const where = typeof repository === "string" ? repository : (repository?.url ?? homepage);
  return [who && `By ${who}.`, where && `Source: ${where}`].filter(Boolean).join("\n") || "No notice in the package.";
}
