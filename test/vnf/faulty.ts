// A function that can be made to go wrong in every way, for tests of what isolation holds back.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Isolation, ServiceDescriptor } from "../../src/vnf/descriptor/model.js";
import { parseDescriptor } from "../../src/vnf/descriptor/read.js";

const INDEX = new URL("../../src/index.js", import.meta.url).href;
const KOFFI = import.meta.resolve("koffi");

/** An element with a write handler for each way of going wrong. */
const ELEMENT = `
import { Element } from ${JSON.stringify(INDEX)};
export class Faulty extends Element {
  static spec = {
    ports: "0/0",
    handlers: { throws: { write: true, doc: "" }, loops: { write: true, doc: "" }, fills: { write: true, doc: "" }, dies: { write: true, doc: "" } },
  };
  // A moment later, so that the handler's writer has its answer, on a busy machine too.
  soon(run) { this.newTimer(run).scheduleAt(this.router.clock.now() + 3e8); }
  handlers() {
    return {
      throws: { write: () => this.soon(() => { throw new Error("a bug"); }) },
      loops: { write: () => this.soon(() => { for (;;); }) },
      // In large pieces: a heap that is filled slowly is collected over and over, which looks like a loop.
      fills: { write: () => this.soon(() => { const all = []; for (;;) all.push(new Array(100000).fill(all.length + 0.5)); }) },
      dies: { write: async () => {
        const koffi = (await import(${JSON.stringify(KOFFI)})).default;
        this.soon(() => koffi.decode(8n, "int"));
      } },
    };
  }
}
`;

export class FaultyService {
  readonly folder = mkdtempSync(join(tmpdir(), "sluice-"));

  constructor() {
    const plugin = join(this.folder, "node_modules", "faulty");
    mkdirSync(plugin, { recursive: true });
    const sluice = { api: 1, elements: { Faulty: "faulty.js" } };
    writeFileSync(join(plugin, "package.json"), JSON.stringify({ name: "faulty", type: "module", sluice }));
    writeFileSync(join(plugin, "faulty.js"), ELEMENT);
    writeFileSync(join(this.folder, "faulty.click"), "require(package faulty);\nf :: Faulty;\n");
    writeFileSync(join(this.folder, "good.click"), "c :: TimedSource(0.01) -> n :: Counter -> Discard;\n");
  }

  /** A function `bad`, isolated so, and a `good` one inline beside it. Namespaces are called after their service. */
  descriptor(isolation: Isolation): ServiceDescriptor {
    return parseDescriptor(
      `service: faulty-${process.pid}
functions:
  bad: { graph: faulty.click, isolation: ${isolation}, memory: { heap: 48 }, restart: { delay: 50ms } }
  good: { graph: good.click }
`,
      join(this.folder, "service.yaml"),
    );
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
