// The router's own handlers, as Click names them.

import { decimal } from "../lang/args/numbers.js";
import { graphWithoutSecrets, hasSecrets } from "../lang/args/secrets.js";
import { ConfigurationError } from "../lang/diagnostics.js";
import { flatText } from "../lang/flat-text.js";
import { RealClock } from "./clock.js";
import { formatReal } from "./format.js";
import { type Handler, type HandlerCode, HandlerError, handlerFlags } from "./handler.js";
import { MeteredPort, type Port } from "./port.js";
import type { Router } from "./router.js";
import type { HandlerSpec } from "./spec.js";
import { VERSION } from "./version.js";

/** The global handlers by name, in the order `handlers` lists them. */
export function globalHandlers(router: Router): ReadonlyMap<string, Handler> {
  const all = new Map<string, Handler>();
  const add = (name: string, spec: HandlerSpec, code: HandlerCode): void => {
    all.set(name, { element: null, name, spec, ...code });
  };
  const read = (name: string, doc: string, value: () => string): void =>
    add(name, { doc, read: true }, { read: value });
  read("version", "the program's version", () => VERSION);
  read("driver", "the kind of driver", () => "userlevel");
  read(
    "config",
    "the configuration as it was written; flattened where there are secrets to be left out",
    () => (router.elements.some((e) => hasSecrets(e.spec.args ?? {})) ? openText(router) : router.source),
  );
  read("flatconfig", "the configuration, flattened, without secrets", () => openText(router));
  read("requirements", "the configuration's requirements", () =>
    lines(router.graph.flat.requirements.filter((r) => r.kind === "package").map((r) => r.value)),
  );
  read("handlers", "these handlers and their flags", () =>
    lines([...all.values()].filter((h) => !h.spec.private).map((h) => `${h.name}\t${handlerFlags(h)}`)),
  );
  read(
    "list",
    "the number of elements, then their names",
    () => `${router.elements.length}\n${lines(router.elements.map((e) => e.name))}`,
  );
  add(
    "stop",
    { doc: "stops the driver; a number asks as many times at once", write: true },
    { write: (text) => router.stop(/^\s*[+-]?\d{1,9}\s*$/.test(text) ? Number(text) : 1) },
  );
  if (router.metered) {
    read("active_ports", "the ports that count packets: element, i or o, port number", () =>
      lines(activePorts(router).map(({ name }) => name)),
    );
    read("active_port_stats", "packets that passed each of active_ports, in that order", () =>
      lines(
        activePorts(router).map(({ port }) => String(port instanceof MeteredPort ? port.meter.packets : 0)),
      ),
    );
  }
  read("classes", "the element classes that can be used", () => lines(router.options.loader.classes()));
  read("packages", "the packages that were loaded", () => lines(router.options.loader.packages()));
  if (router.options.hotSwap) {
    add(
      "hotconfig",
      { doc: "replaces the configuration while it runs", write: true, raw: true },
      {
        write: async (text) => {
          await router.swap(text).catch((e: unknown) => Promise.reject(swapError(e)));
        },
      },
    );
  }
  timewarp(router, add);
  return all;
}

/** The flat configuration without secrets. */
export function openText(router: Router): string {
  const args = new Map(router.elements.map((e) => [e.className, e.spec.args]));
  return flatText(graphWithoutSecrets(router.graph.flat, (name) => args.get(name) ?? {}));
}

function lines(texts: readonly string[]): string {
  return texts.map((t) => `${t}\n`).join("");
}

function activePorts(router: Router): { name: string; port: Port }[] {
  return router.elements.flatMap((e) => [
    ...e.inputs.flatMap((port, i) => (e.isPullInput(i) ? [{ name: `${e.name}\ti${i}`, port }] : [])),
    ...e.outputs.flatMap((port, i) => (e.isPullOutput(i) ? [] : [{ name: `${e.name}\to${i}`, port }])),
  ]);
}

function swapError(e: unknown): HandlerError {
  const message = e instanceof Error ? e.message : String(e);
  const verdict =
    e instanceof ConfigurationError && e.stage === "initialize" ? "\nRouter could not be initialized!" : "";
  return new HandlerError("FAILED", message + verdict);
}

/** How fast time passes: a factor, or `simulation`, which cannot be changed. */
function timewarp(router: Router, add: (name: string, spec: HandlerSpec, code: HandlerCode) => void): void {
  const { clock } = router;
  const doc = "how many times as fast as real time the clock runs; 'nowait' (skips waits), 'simulation'";
  if (!(clock instanceof RealClock)) {
    add("timewarp", { doc, read: true }, { read: () => "simulation" });
    return;
  }
  const write = (text: string): void => {
    clock.nowait = text.trim() === "nowait";
    if (!clock.nowait) {
      const factor = decimal(text.trim(), true);
      if (!Number.isFinite(factor)) throw new HandlerError("FAILED", "expected double");
      if (factor <= 0) throw new HandlerError("FAILED", "timefactor must be > 0");
      clock.speed = factor;
    }
    // A wait that has begun was reckoned at the old speed.
    router.driver.wake();
  };
  add(
    "timewarp",
    { doc, read: true, write: true },
    { read: () => (clock.nowait ? "nowait" : formatReal(clock.speed)), write },
  );
}
