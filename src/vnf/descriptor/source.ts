// The YAML text of a descriptor: its values, and the place of each.

import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { ConfigurationError, type Diagnostic, type Landmark } from "../../lang/diagnostics.js";

/** Bytes of the largest descriptor read. */
const LARGEST = 4 * 2 ** 20;
/** How often one anchor may be used, nested ones multiplied. */
const ALIASES = 1000;

export class DescriptorSource {
  readonly file: string;
  /** The document as plain values. */
  readonly values: unknown;
  readonly #contents: Node | null;
  readonly #lines = new LineCounter();

  /** Throws ConfigurationError when `text` is not YAML. */
  constructor(text: string, file: string) {
    this.file = file;
    if (text.length > LARGEST) this.#fail([this.#diagnostic("too-large", [0, 0], "more than 4 MiB of YAML")]);
    const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    if (document.errors.length > 0)
      this.#fail(document.errors.map((e) => this.#diagnostic("yaml", e.pos, sentence(e.message))));
    this.#contents = document.contents;
    try {
      this.values = document.toJS({ maxAliasCount: ALIASES });
    } catch (e) {
      this.#fail([this.#diagnostic("yaml", [0, 0], (e as Error).message)]);
    }
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
        const pair = node.items.find(
          (p) => isPair(p) && isScalar(p.key) && String(p.key.value) === String(name),
        );
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

/** The first line of the YAML reader's message, as others are: a small letter first. */
function sentence(message: string): string {
  const first = message.split("\n")[0];
  return first[0].toLowerCase() + first.slice(1);
}
