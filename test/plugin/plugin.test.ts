// Plug-in packages: found, loaded and run like our own elements; refused when they could do harm.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { KernelError, PacketMemory, Router, SimulatedClock } from "../../src/index.js";
import { checkKernelModule } from "../../src/packet/plugin-kernels.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "../../..");

/** A folder as a user has it: a configuration, and node_modules with the plug-in and sluice. */
const test = suite<{ folder: string }>("plug-ins");
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "sluice-plugin-"));
  const plugin = join(context.folder, "node_modules/sluice-example");
  mkdirSync(plugin, { recursive: true });
  for (const part of ["elements", "kernel.wasm"])
    cpSync(join(HERE, part), join(plugin, part), { recursive: true });
  cpSync(join(ROOT, "test/plugin/manifest.json"), join(plugin, "package.json"));
  symlinkSync(ROOT, join(context.folder, "node_modules/sluice"));
});
test.after.each((context) => rmSync(context.folder, { recursive: true }));

async function start(folder: string, text: string): Promise<Router> {
  const file = join(folder, "sub/test.click");
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return Router.fromFile(file, { clock: new SimulatedClock(), log: () => {}, print: () => {} });
}

test("a required package is found in node_modules above the configuration, and its elements run", async ({
  folder,
}) => {
  const router = await start(
    folder,
    "require(package sluice-example); r :: Reverse -> x :: XorBytes(255) -> y :: XorBytes(0x0f) -> d :: Discard; Idle -> r",
  );
  const seen: string[] = [];
  const discard = router.find("d")!;
  discard.push = (_port, batch) => {
    for (let i = 0; i < batch.count; i++)
      seen.push(Buffer.from(router.packetBytes(batch.at(i))).toString("hex"));
    batch.kill();
  };
  router.inject("r", Uint8Array.of(1, 2, 3));
  assert.equal(seen, ["f3f2f1"]);
  assert.is(router.read("r.count"), "1");
  assert.is(router.read("x.bytes"), "3");
  assert.is(router.read("packages").trim(), "sluice-example");
  router.close();
});

test("a package made for another version of the interface is refused", async ({ folder }) => {
  const file = join(folder, "node_modules/sluice-example/package.json");
  writeFileSync(file, readFileSync(file, "utf8").replace('"api": 1', '"api": 99'));
  try {
    await start(folder, "require(package sluice-example); Idle -> Discard");
    assert.unreachable();
  } catch (e) {
    assert.match((e as Error).message, /made for plug-in API 99, this program has 1/);
  }
});

test("a package that is no plug-in, and a name that is no package, are refused", async ({ folder }) => {
  writeFileSync(join(folder, "node_modules/sluice-example/package.json"), '{"name": "sluice-example"}');
  for (const [name, words] of [
    ["sluice-example", /not a plug-in/],
    ["../../etc", /not a package name/],
    ["nowhere", /can't find required package 'nowhere'/],
  ] as const) {
    try {
      await start(folder, `require(package "${name}"); Idle -> Discard`);
      assert.unreachable();
    } catch (e) {
      assert.match((e as Error).message, words);
    }
  }
});

// ---- Kernel modules -----------------------------------------------------------

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
/** Imports env.memory: shared, 1 to 32768 pages. */
const IMPORT = [
  2, 0x12, 1, 3, 0x65, 0x6e, 0x76, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 3, 1, 0x80, 0x80, 2,
];

const refused = (parts: number[][], words: RegExp): void => {
  const memory = new PacketMemory({ slots: 16, bytes: 1 << 20 });
  const before = memory.u8.slice(0, 4096);
  try {
    memory.loadKernels(Uint8Array.from([HEADER, ...parts].flat()));
    assert.unreachable("the module was accepted");
  } catch (e) {
    assert.instance(e, KernelError);
    assert.match((e as Error).message, words);
  }
  assert.equal(memory.u8.slice(0, 4096), before);
};

test("a kernel module with data segments is refused, and nothing was written", () => {
  refused([IMPORT, [11, 7, 1, 0, 0x41, 0, 0x0b, 1, 0xff]], /data segments/);
});

test("a kernel module with mutable globals is refused, one with constants is not", () => {
  refused([IMPORT, [6, 6, 1, 0x7f, 1, 0x41, 0, 0x0b]], /mutable globals/);
  refused(
    [
      IMPORT,
      [6, 0x10, 2, 0x7c, 0, 0x44, 0, 0x0b, 0, 1, 2, 3, 4, 5, 0x0b, 0x7f, 1, 0x41, 0, 0x0b].map((b, i) =>
        i === 1 ? 0x12 : b,
      ),
    ],
    /mutable globals/,
  );
  new PacketMemory({ slots: 16, bytes: 1 << 20 }).loadKernels(
    Uint8Array.from([HEADER, IMPORT, [6, 6, 1, 0x7f, 0, 0x41, 0, 0x0b]].flat()),
  );
});

test("a kernel module with a memory of its own, a start function, or other imports is refused", () => {
  refused([[5, 4, 1, 1, 1, 1]], /imports no memory/);
  refused([[1, 4, 1, 0x60, 0, 0], IMPORT, [3, 2, 1, 0], [8, 1, 0], [10, 4, 1, 2, 0, 0x0b]], /start function/);
  refused(
    [
      [1, 4, 1, 0x60, 0, 0],
      [2, 9, 1, 3, 0x65, 0x6e, 0x76, 1, 0x78, 0, 0],
    ],
    /imports function 'env.x'/,
  );
});

test("bytes that are no module are refused", () => {
  refused([[1, 2, 3]], /not a WebAssembly module/);
});

test("the router's own kernels keep the rules that plug-ins must", () => {
  checkKernelModule(readFileSync(join(ROOT, "dist/kernels.wasm")));
});

test.run();
