// The house's arrows: which room may import which.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

/** What each room may import, besides itself, `net`, `collections`, `options` and `sluice-error`. `layout` is assembly/layout.ts, the one file of memory offsets. */
const ALLOWED: Record<string, readonly string[]> = {
  net: [],
  collections: [],
  options: [],
  "sluice-error": [],
  system: [],
  lang: [],
  wire: [],
  packet: ["wire", "layout"],
  router: ["packet", "lang", "layout"],
  device: ["system", "router", "packet", "wire", "lang", "layout"],
  store: ["system", "router"],
  control: ["router", "lang"],
  cloud: ["measure", "system", "router", "packet", "wire", "lang", "store", "lisp", "transport", "layout"],
  trace: ["router", "packet", "wire", "lang", "layout"],
  script: ["router", "lang"],
  lisp: ["measure", "system", "router", "packet", "wire", "lang", "store", "transport", "layout"],
  transport: ["router", "packet", "wire", "layout"],
  measure: ["system", "router", "lang"],
  elements: [
    "cloud",
    "system",
    "router",
    "packet",
    "wire",
    "lang",
    "measure",
    "device",
    "store",
    "lisp",
    "transport",
    "control",
    "script",
    "trace",
    "layout",
  ],
  loader: ["router", "packet", "lang"],
  vnf: [
    "measure",
    "cloud",
    "system",
    "router",
    "trace",
    "device",
    "packet",
    "wire",
    "lang",
    "loader",
    "layout",
  ],
  index: [
    "measure",
    "cloud",
    "lang",
    "wire",
    "packet",
    "router",
    "device",
    "lisp",
    "vnf",
    "loader",
    "layout",
  ],
  lab: [
    "measure",
    "cloud",
    "vnf",
    "system",
    "router",
    "device",
    "packet",
    "wire",
    "lang",
    "lisp",
    "loader",
    "layout",
  ],
  cli: [
    "cloud",
    "lab",
    "system",
    "control",
    "trace",
    "lang",
    "wire",
    "packet",
    "router",
    "device",
    "lisp",
    "vnf",
    "loader",
    "index",
    "layout",
  ],
};

/** What every room may import. */
const BELOW: readonly string[] = ["net", "collections", "options", "sluice-error"];

function room(file: string): string {
  const path = relative(root, file).replaceAll("\\", "/");
  if (path.startsWith("assembly/")) return "layout";
  if (path.startsWith("elements/")) return "elements";
  const parts = path.split("/");
  return parts.length > 2 ? parts[1] : parts[1].replace(/\.ts$/, "");
}

function sources(): string[] {
  return ["src", "elements"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .map((f) => join(root, folder, String(f)))
      .filter((f) => f.endsWith(".ts") && !f.endsWith(".d.ts") && !f.endsWith(".generated.ts")),
  );
}

/** The modules that the text of `file` imports, statically or not, ours as paths. */
function imports(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((m) =>
    resolve(dirname(file), m[1].replace(/\.js$/, ".ts")),
  );
}

test("imports run one way between the rooms", () => {
  const wrong: string[] = [];
  for (const file of sources()) {
    const from = room(file);
    assert.ok(ALLOWED[from] !== undefined, `${relative(root, file)} lies in a room the house does not have`);
    for (const target of imports(file)) {
      const to = room(target);
      if (to === from || BELOW.includes(to)) continue;
      if (!ALLOWED[from].includes(to))
        wrong.push(`${relative(root, file)} imports ${relative(root, target)}`);
    }
  }
  assert.equal(wrong, []);
});

test("docs/architecture.md has every room, and names files that are there", () => {
  const text = readFileSync(join(root, "docs/architecture.md"), "utf8");
  const folders = Object.keys(ALLOWED).filter((name) => existsSync(join(root, "src", name)));
  assert.equal(
    folders.filter((name) => !text.includes(`| \`src/${name}/\` |`)),
    [],
  );
  const named = [...text.matchAll(/`((?:src|test|conf|elements|assembly)\/[\w./-]+)`/g)].map(
    ([, path]) => path,
  );
  assert.ok(named.length > 10);
  assert.equal(
    named.filter((path) => !existsSync(join(root, path))),
    [],
  );
});

/** The same inside rooms: which folders of them. All may import the files that lie in the room itself, but for its index. */
const INSIDE: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  transport: { tcp: [], streams: [] },
  lisp: {
    control: [],
    limits: [],
    offers: ["control", "data-plane", "etr", "map-server", "mobility", "tables"],
    database: [],
    etr: ["control"],
    tables: ["etr"],
    "data-plane": ["limits", "tables"],
    itr: ["control", "etr", "tables"],
    "map-server": ["control", "database", "limits"],
    mobility: ["control", "etr", "limits", "tables"],
    "change-priority": ["control", "tables"],
  },
  vnf: {
    descriptor: [],
    state: [],
    store: ["descriptor"],
    link: ["descriptor", "state"],
    instance: ["descriptor", "state", "store", "link"],
    guest: ["descriptor", "instance"],
    service: ["descriptor", "store", "link", "instance", "guest"],
    api: ["descriptor", "instance", "service"],
    manager: ["descriptor", "state", "service", "api"],
  },
};

test("imports run one way inside the rooms that have folders", () => {
  const wrong: string[] = [];
  for (const file of sources()) {
    const inside = INSIDE[room(file)];
    const parts = relative(join(root, "src"), file).split(/[\\/]/);
    if (inside === undefined || parts[1] === "index.ts") continue;
    const from = parts.length > 2 ? parts[1] : "";
    assert.ok(
      from === "" || inside[from] !== undefined,
      `${relative(root, file)} lies in a folder that the room does not have`,
    );
    for (const target of imports(file)) {
      if (room(target) !== room(file)) continue;
      const way = relative(join(root, "src"), target).split(/[\\/]/);
      const to = way.length > 2 ? way[1] : "";
      if (to === from || (to === "" && way[1] !== "index.ts")) continue;
      if (from === "" || !inside[from].includes(to))
        wrong.push(`${relative(root, file)} imports ${relative(root, target)}`);
    }
  }
  assert.equal(wrong, []);
});

test("elements/ holds elements only", () => {
  // A class that several elements extend is abstract and lies beside them.
  const wrong = sources()
    .filter((f) => room(f) === "elements")
    .filter((f) => !/^export (abstract )?class \w+(<[^{]*>)? extends \w+/m.test(readFileSync(f, "utf8")))
    .map((f) => relative(root, f));
  assert.equal(wrong, []);
});

test("elements name the classes of others only to extend them: what they ask of others is an offer", () => {
  const texts = sources()
    .filter((f) => room(f) === "elements")
    .map((f) => [relative(root, f), readFileSync(f, "utf8")] as const);
  const classes = new Set(
    texts.flatMap(([, text]) => [...text.matchAll(/^export (?:abstract )?class (\w+)/gm)].map((m) => m[1])),
  );
  const wrong = texts.flatMap(([file, text]) =>
    [...text.matchAll(/^import (?:type )?\{([^}]*)\} from "\.[^"]*"/gm)]
      .flatMap((m) => m[1].split(","))
      .map((name) =>
        name
          .trim()
          .replace(/^type /, "")
          .replace(/ as .*/, ""),
      )
      .filter((name) => classes.has(name) && !new RegExp(` extends ${name}\\b`).test(text))
      .map((name) => `${file} imports ${name}`),
  );
  assert.equal(wrong, []);
});

test("property tests have fast-check from where it gets its seed", () => {
  const own = "test/property.ts";
  const wrong = readdirSync(join(root, "test"), { recursive: true })
    .map((f) => join("test", String(f)))
    .filter((f) => f.endsWith(".ts") && f !== own && f !== join("test", "house", "imports.test.ts"))
    .filter((f) => /from "fast-check"/.test(readFileSync(join(root, f), "utf8")));
  assert.equal(wrong, [], `to be imported from ${own}`);
});

test("only the packet room loads WebAssembly, and only one file makes system calls", () => {
  const using = (pattern: RegExp): string[] =>
    sources()
      .filter((f) => pattern.test(readFileSync(f, "utf8").replace(/^\s*(\/\/|\*|\/\*).*$/gm, "")))
      .map((f) => relative(root, f));
  assert.equal(using(/new WebAssembly\.|instantiateSync\(/), [
    "src/packet/kernels.ts",
    "src/packet/plugin-kernels.ts",
  ]);
  assert.equal(
    using(/from "koffi"|import\("koffi"\)|require\("koffi"\)/).filter((f) => f !== "src/device/syscalls.ts"),
    [],
  );
});

test("most files are short enough to read in one go, and none is a room of its own", () => {
  const lengths = sources().map(
    (f) => [relative(root, f), readFileSync(f, "utf8").split("\n").length] as const,
  );
  assert.equal(
    lengths.filter(([, n]) => n > 600),
    [],
  );
  assert.ok(
    lengths.filter(([, n]) => n <= 300).length / lengths.length > 0.9,
    "nine of ten have 300 lines at most",
  );
});

test("no element keeps time, draws random numbers or waits outside its router", () => {
  const wrong = sources()
    .filter((f) => room(f) === "elements")
    .filter((f) =>
      /\bDate\.now|\bMath\.random|\bsetTimeout\(|\bsetInterval\(|\bperformance\.now/.test(
        readFileSync(f, "utf8"),
      ),
    )
    .map((f) => relative(root, f));
  assert.equal(wrong, []);
});

test.run();
