// Builds the page into the package: one file, with the hash of what it was built from in its first line.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const SOURCES = [
  ...["build.mjs", "package-lock.json", "package.json", "tsconfig.json"],
  ...readdirSync("src").map((name) => `src/${name}`),
].sort();
const FOLDER = "../airflow_provider_voucherify/ui/static";

const hash = createHash("sha256");
for (const name of SOURCES) hash.update(`${name}\0`).update(readFileSync(name)).update("\0");

const result = await build({
  entryPoints: ["src/main.ts"],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  loader: { ".css": "text" },
  write: false,
});
const code = result.outputFiles[0].text;
if (/<\/script/i.test(code)) throw new Error("the page may stand inside a script element: no '</script' in it");
const license = readFileSync("node_modules/uplot/LICENSE", "utf8");
const banner = [
  `/* Built by \`make page\` from page/, source ${hash.digest("hex")}. With uPlot:`,
  `${license.trim()} */`,
].join("\n\n");
writeFileSync(`${FOLDER}/page.js`, `${banner}\n${code}`);
writeFileSync(`${FOLDER}/uPlot-LICENSE.txt`, license);
