// The manual of the elements, from the file that the build makes of their doc comments and contracts.

import { readFileSync } from "node:fs";
import { describeArg, describeArgs } from "../lang/args/describe.js";
import type { ElementSpec } from "../router/spec.js";

/** One element's page. */
export interface Page {
  readonly name: string;
  /** Its file below `elements/`, as compiled. */
  readonly file: string;
  readonly comment: string;
  readonly spec: ElementSpec;
}

/** All pages by class name, sorted. */
export function readManual(): Map<string, Page> {
  const pages: Record<string, Omit<Page, "name">> = JSON.parse(
    readFileSync(new URL("../../manual.json", import.meta.url), "utf8"),
  );
  return new Map(Object.entries(pages).map(([name, page]) => [name, { name, ...page }]));
}

/** The texts after tag `@tag`, in order. */
export function tagTexts(page: Page, tag: string): string[] {
  const found = page.comment.matchAll(new RegExp(`^@${tag}\\s+((?:(?!^@)[^\\0])*)`, "gm"));
  return [...found].map((m) => m[1].trim());
}

/** The comment without its tags. */
export function description(page: Page): string {
  return page.comment.split(/^@/m)[0].trim();
}

/** The first sentence of the description, on one line. */
export function summary(page: Page): string {
  const text = description(page).replace(/\s+/g, " ");
  return /^.*?(?<!\b(?:e\.g|i\.e))[.](?= |$)/.exec(text)?.[0] ?? text;
}

export function category(page: Page): string {
  return page.file.split("/")[0];
}

/** The page as text for a terminal. */
export function pageText(page: Page): string {
  const { spec } = page;
  const sections: [string, string[]][] = [
    ["NAME", [`${page.name} - ${summary(page)}`]],
    ["SYNOPSIS", [describeArgs(page.name, spec.args ?? {})]],
    [
      "PORTS",
      [`${spec.ports}, processing ${spec.processing ?? "a/a"}, flow ${spec.flow ?? "x/x"}`, ...ports(page)],
    ],
    ["DESCRIPTION", description(page).split("\n")],
    [
      "ARGUMENTS",
      Object.entries(spec.args ?? {}).flatMap(([name, arg]) =>
        entry(`${name} (${describeArg(arg)})`, arg.doc),
      ),
    ],
    ["HANDLERS", handlerLines(page)],
    ["DROPS", Object.entries(spec.drops ?? {}).flatMap(([name, doc]) => entry(name, doc))],
    ["EXAMPLES", tagTexts(page, "example").flatMap((e) => e.split("\n"))],
    ["SEE ALSO", tagTexts(page, "see")],
  ];
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `${title}\n${lines.map((l) => (l === "" ? "" : `    ${l}`)).join("\n")}\n`)
    .join("\n");
}

function ports(page: Page): string[] {
  return [
    ...tagTexts(page, "input").map((t) => `input ${t}`),
    ...tagTexts(page, "output").map((t) => `output ${t}`),
  ].map((t) => t.replace(/\s+/g, " "));
}

function handlerLines(page: Page): string[] {
  const { spec } = page;
  const counters = Object.entries({ ...spec.counters, ...spec.drops }).map(
    ([name, doc]) => [name, "read", doc] as const,
  );
  const own = Object.entries(spec.handlers ?? {}).map(([name, h]) => {
    const how = [h.read && "read", h.write && "write", h.private && "not for sockets"]
      .filter(Boolean)
      .join(", ");
    return [name, how, h.doc] as const;
  });
  return [...own, ...counters].flatMap(([name, how, doc]) => entry(`${name} (${how})`, doc));
}

function entry(head: string, doc: string): string[] {
  return [head, `    ${doc}`];
}
