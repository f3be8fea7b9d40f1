// The YAML text of a descriptor: its values, and the place of each.

import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
  type YAMLParseError,
} from "yaml";
import { ConfigurationError, type Diagnostic, type Landmark } from "../../lang/diagnostics.js";

/** Bytes of the largest descriptor read. */
const LARGEST = 4 * 2 ** 20;
/** Diagnostics told at most. */
const MOST = 50;
/** How often one anchor may be used, nested ones multiplied. */
const ALIASES = 1000;

export class DescriptorSource {
  readonly file: string;
  /** The document as plain values. */
  readonly values: unknown;
  readonly #contents: Node | null;
  readonly #lines = new LineCounter();
  /** The pairs of mappings by key, of those that were asked for. */
  readonly #keys = new Map<YAMLMap, ReadonlyMap<string, Pair>>();

  /** Throws ConfigurationError when `text` is not YAML. */
  constructor(text: string, file: string) {
    this.file = file;
    if (text.length > LARGEST) this.#fail([this.#diagnostic("too-large", [0, 0], "more than 4 MiB of YAML")]);
    // Whether keys stand twice is looked at below: the reader's own way takes time by their square.
    const document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      uniqueKeys: false,
      merge: true,
    });
    // What follows from nesting too deeply tells nothing.
    const deep = document.errors.filter((e) => e.code === "RESOURCE_EXHAUSTION").slice(0, 1);
    if (deep.length > 0) this.#fail(deep.map((e) => this.#wrong(e)));
    const wrong = [...document.errors.map((e) => this.#wrong(e)), ...this.#twice(document)];
    if (wrong.length > 0) this.#fail(wrong.slice(0, MOST));
    this.#contents = document.contents;
    try {
      this.values = document.toJS({ maxAliasCount: ALIASES });
    } catch (e) {
      this.#fail([this.#diagnostic("yaml", [0, 0], sentence((e as Error).message))]);
    }
  }

  #wrong({ code, pos, message }: YAMLParseError): Diagnostic {
    const own: Readonly<Record<string, string>> = {
      MULTIPLE_DOCS: "a descriptor is one document: '---' begins another",
      RESOURCE_EXHAUSTION: "nested too deeply",
    };
    return this.#diagnostic("yaml", pos, own[code] ?? sentence(message));
  }

  /** Keys that stand twice in a mapping. */
  #twice(document: Document): Diagnostic[] {
    const found: Diagnostic[] = [];
    visit(document, {
      Map: (_, map) => {
        const seen = new Set<string>();
        for (const { key } of map.items) {
          if (!isScalar(key)) continue;
          const name = String(key.value);
          if (seen.has(name) && key.range)
            found.push(
              this.#diagnostic("yaml", [key.range[0], key.range[1]], `the key '${name}' stands here twice`),
            );
          seen.add(name);
        }
      },
    });
    return found;
  }

  #fail(diagnostics: Diagnostic[]): never {
    throw new ConfigurationError(diagnostics);
  }

  #diagnostic(code: string, [from, to]: readonly [number, number], message: string): Diagnostic {
    return { severity: "error", code, landmark: this.#landmark(from, to), message };
  }

  /** The place of the value at `path` (keys and indices); with `key`, of the key itself. The nearest one around when there is none. */
  landmark(path: readonly (string | number)[], key = false): Landmark {
    let node: unknown = this.#contents;
    let range: readonly [number, number] = [0, 0];
    const step = (n: unknown): void => {
      if (isNode(n) && n.range) range = [n.range[0], n.range[1]];
    };
    step(node);
    for (const [i, name] of path.entries()) {
      if (isMap(node)) {
        const pair = this.#pairs(node).get(String(name));
        if (pair === undefined) break;
        node = pair.value;
        const keyMeant = (key && i === path.length - 1) || !isNode(node) || !isScalar(node);
        step(keyMeant ? pair.key : node);
      } else if (isSeq(node)) {
        node = node.items[Number(name)];
        step(node);
      } else break;
    }
    return this.#landmark(...range);
  }

  #pairs(map: YAMLMap): ReadonlyMap<string, Pair> {
    let pairs = this.#keys.get(map);
    if (pairs === undefined) {
      const named = map.items.flatMap((p) => (isScalar(p.key) ? [[String(p.key.value), p] as const] : []));
      pairs = new Map(named);
      this.#keys.set(map, pairs);
    }
    return pairs;
  }

  #landmark(from: number, to: number): Landmark {
    const { line, col } = this.#lines.linePos(from);
    return {
      file: this.file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      offset: from,
      length: Math.max(1, to - from),
    };
  }
}

/** The first line of the YAML reader's message, as others are: a small letter first; without the text that it repeats. */
function sentence(message: string): string {
  const first = message.split("\n")[0].replace(/: .*$/, "");
  return first[0].toLowerCase() + first.slice(1);
}
