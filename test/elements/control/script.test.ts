// timeout: 300
// Script and DriverManager inside a router.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  ConfigurationError,
  Element,
  type ElementSpec,
  Loader,
  Packet,
  Router,
  SimulatedClock,
} from "../../../src/index.js";
import type { Signals } from "../../../src/router/signals.js";

/** Pushes packets of one byte each, which says what the byte is. */
class Hand extends Element {
  static readonly spec = { ports: "0/1", processing: "h" } as const satisfies ElementSpec;

  send(...bytes: readonly number[]): void {
    const batch = this.router.batches.acquire();
    const packet = new Packet(this.memory);
    for (const byte of bytes) {
      packet.at(this.memory.kernels.poolTake());
      packet.setBytes(Uint8Array.of(byte));
      batch.add(packet.slot);
    }
    this.outputs[0].push(batch);
    this.router.batches.release(batch);
  }
}

interface Run {
  readonly router: Router;
  readonly out: string[];
  readonly log: string[];
}

async function start(text: string, signals?: Signals): Promise<Run> {
  const out: string[] = [];
  const log: string[] = [];
  const loader = new Loader();
  loader.add(Hand);
  const router = await Router.fromText(text, {
    loader,
    clock: new SimulatedClock(),
    print: (t) => out.push(t),
    log: (line) => log.push(line),
    signals,
  });
  return { router, out, log };
}

/** Runs `text` for ten simulated seconds; what it printed. */
async function run(text: string): Promise<{ out: string; log: readonly string[]; stopped: boolean }> {
  const { router, out, log } = await start(text);
  router.runFor(10);
  const stopped = router.driver.stopped;
  router.close();
  return { out: out.join(""), log, stopped };
}

async function problems(text: string): Promise<string[]> {
  try {
    (await start(text)).router.close();
    return [];
  } catch (e) {
    if (!(e instanceof ConfigurationError)) throw e;
    return e.diagnostics.flatMap((d) => d.message.split("\n").slice(1)).map((line) => line.trim());
  }
}

const PRINTS: readonly (readonly [string, string])[] = [
  ["set x 0, label l, print $x, set x $(add $x 1), goto l $(lt $x 3)", "0\n1\n2\n"],
  ['set x "a b", print $x, setq x "a b", print "$x"', '"a b"\na b\n'],
  [`set x '"q"', setq y '"q"', print '$x', print "$x", print "$y"`, `$x\n'"q"'\n"q"\n`],
  ["printn $(add 1 2), print 4", "34\n"],
  ['print driver, print $(driver), print "driver"', "userlevel\nuserlevel\ndriver\n"],
  ["set h driver, print $h, print $($h)", "driver\nuserlevel\n"],
  ["init v 3, print $v, set v 4, print $v", "3\n4\n"],
  ["export e 9, print $(Script@1.e), print e", "9\n9\n"],
  ["goto end, print never", ""],
  ["goto skip, print never, label skip, print $(add)", "0\n"],
  ['goto l false, print "on", label l', "on\n"],
  ['print "$?", write set a 1, print "$?", print $(get a)', "0\n0\n1\n"],
  ["print $unknown", "$unknown\n"],
  ['print "$#", print "$0"', "0\n\n"],
  ["print $(now), wait 1.5, print $(now)", "1000000000.000000\n1000000001.500000\n"],
  ["pause, print never", ""],
];
for (const [script, expected] of PRINTS)
  test(`a script prints what Click's would: ${script}`, async () => {
    assert.is((await run(`Script(${script})`)).out, expected);
  });

const REFUSED: readonly (readonly [string, string[]])[] = [
  ["Script(frobnicate)", ["syntax error at 'frobnicate'"]],
  [
    "Script(stop now, set x, label a b)",
    ["syntax error at 'stop'", "syntax error at 'set'", "syntax error at 'label'"],
  ],
  ["Script(goto nowhere)", ["no such label 'nowhere'"]],
  ["Script(pause x)", ["syntax error at 'pause'"]],
  ["Script(TYPE LAZY)", ["bad TYPE"]],
  ["Script(TYPE SIGNAL)", ["bad signal number"]],
  ["Script(TYPE SIGNAL NONESUCH)", ["bad signal number"]],
  ["Script(TYPE PACKET)", ["PACKET script must have inputs"]],
  ["Script(TYPE PASSIVE) -> Discard", ["ports allowed only on PACKET scripts"]],
  ["DriverManager; DriverManager", ["router has more than one driver script"]],
];
for (const [text, expected] of REFUSED)
  test(`${text} is refused`, async () => {
    assert.equal(await problems(text), expected);
  });

test("errors are reported with the script that made them, calls inside calls, once a run", async () => {
  const { log, out } = await run(
    "a :: Script(print no.where, write b.run 1, print nope, write stop 0); b :: Script(TYPE PASSIVE, error oops)",
  );
  assert.equal(log, [
    "While executing 'a :: Script':",
    "  no element named 'no'",
    "  While calling 'b.run 1':",
    "    oops",
    "  no 'nope' read handler",
  ]);
  assert.is(out, "");
});

test("a read handler that takes no parameters is not given any", async () => {
  const { log } = await run("Script(print list 3)");
  assert.equal(log[1], "  read handler 'list' does not take parameters");
});

test("names are looked up from the script's compound outward; a leading dot means the router", async () => {
  const { out } = await run(`
    x :: Script(TYPE PASSIVE, return outer);
    elementclass C { x :: Script(TYPE PASSIVE, return inner);
      Script(print x.run, print $(eq $(.driver) userlevel)) }
    c :: C; d :: { Script(print x.run) };`);
  assert.match(out, /^inner\n/);
  assert.match(out, /true\n/);
  assert.match(out, /outer\n$/);
});

test("a script that jumps a thousand times without waiting is given up", async () => {
  const { log } = await run("s :: Script(label a, goto a)");
  assert.equal(log, ["s: too many jumps, giving up"]);
});

test("a text that grows without end is refused, and ends the script only", async () => {
  const { log, out } = await run(
    's :: Script(set x 12345678, label a, set x "$x$x", goto a); Script(wait 1, print "on")',
  );
  assert.equal(log, ["While executing 's :: Script':", "  text becomes too long"]);
  assert.is(out, "on\n");
});

test("a waiting script may jump for ever", async () => {
  const { log, out } = await run(
    "Script(set x 0, label a, set x $(add $x 1), wait 1ms, goto a $(lt $x 2000), print $x)",
  );
  assert.equal(log, []);
  assert.is(out, "2000\n");
});

test("$args, $1, $# and shift are the arguments of the run", async () => {
  const { router } = await start(
    's :: Script(TYPE PASSIVE, set r "$# $1 $2", set t $(shift), returnq "$r; $t; $args; $write $0")',
  );
  assert.is(router.read("s.run", "a 'b c' d"), `"3 a 'b c'"; a; 'b c' d; false run`);
  router.close();
});

test("a proxy answers every handler it has not got, and knows whether it was written", async () => {
  const { router, out } = await start(
    's :: Script(TYPE PROXY, goto no $(eq $0 bad), print "$0 $write $args", return "is $0", label no, errorq "bad handler")',
  );
  assert.is(router.read("s.anything", "x y"), '"is anything"');
  await router.write("s.other", "z");
  assert.equal(out, ["anything false x y\n", "other true z\n"]);
  assert.throws(() => router.read("s.bad"), /^bad handler$|bad handler/);
  assert.is(router.read("s.add", "1 2"), "3");
  router.close();
});

test("a packet script decides where each packet goes; end sends on, exit and error drop", async () => {
  const { router, log } = await start(`
    h :: Hand -> s :: Script(set n $(add $n 1), init n 0, goto end $(eq $n 1), goto exit $(eq $n 2), goto bad $(eq $n 3),
      return $(sub $n 3), label bad, error bad) -> a :: Discard; s[1] -> b :: Discard; s[2] -> c :: Discard;`);
  const hand = router.find("h") as Hand;
  hand.send(1, 2, 3);
  hand.send(4, 5, 6, 7);
  assert.equal(
    ["a", "b", "c"].map((n) => router.read(`${n}.count`)),
    ["1", "1", "1"],
  );
  assert.equal(log, ["While executing 's :: Script':", "  bad"]);
  assert.is(router.read("s.get", "input"), "0");
  router.close();
});

test("step, goto and pause: a script waits for as many steps as it says", async () => {
  const { router, out } = await start(
    "s :: Script(TYPE PASSIVE, label a, pause 2, print two, label b, pause, print three)",
  );
  const two = (): number => out.length;
  await router.write("s.run");
  assert.is(two(), 0);
  await router.write("s.step");
  assert.is(two(), 0);
  router.close();
});

test("a step past two waits prints what lies between", async () => {
  const { router, out } = await start('s :: Script(pause 2, print "two", pause, print "three")');
  router.runFor(1);
  await router.write("s.step", "1");
  assert.equal(out, []);
  await router.write("s.step", "2");
  assert.equal(out, ["two\n", "three\n"]);
  try {
    await router.write("s.step", "x");
    assert.unreachable();
  } catch (e) {
    assert.is((e as Error).message, "syntax error");
  }
  await router
    .write("s.goto", "begin")
    .catch((e: Error) => assert.is(e.message, "jump to nonexistent label"));
  router.close();
});

test("print to a file, append, save, cat and catq", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-"));
  try {
    const file = join(folder, "f");
    const { out, log } = await run(
      `Script(print >${file} "one", print >>${file} "two", append driver ${file}, print $(catq ${file}), save driver ${file}.2, printn >${folder}/no/file "x")`,
    );
    assert.is(readFileSync(file, "latin1"), "one\ntwo\nuserlevel\n");
    assert.is(readFileSync(`${file}.2`, "latin1"), "userlevel\n");
    assert.is(out, '"one\\ntwo\\nuserlevel\\n"\n');
    assert.equal(log.slice(1), [`  ${folder}/no/file: No such file or directory`]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("random numbers stay within their bounds", async () => {
  const { router } = await start("s :: Script(TYPE PASSIVE)");
  for (let i = 0; i < 200; i++) {
    const n = Number(router.read("s.random", "5 7"));
    assert.ok(n >= 5 && n <= 7);
    assert.ok(Number(router.read("s.random", "3")) < 3);
  }
  for (const bad of ["0", "7 5", "x", "1 2 3"]) assert.throws(() => router.read("s.random", bad));
  router.close();
});

test("readable and writable tell what handlers there are", async () => {
  const { router } = await start("s :: Script(TYPE PASSIVE)");
  const { read } = router.handler("s.readable");
  const { read: writable } = router.handler("s.writable");
  assert.equal(
    [read!("add list s.run"), read!("stop"), read!("no.x"), writable!("stop s.run"), writable!("list")],
    [true, false, false, true, false],
  );
  router.close();
});

test("a DriverManager turns requests to stop into steps, and stops at its end", async () => {
  const { out, stopped } = await run(
    'DriverManager(pause, print "one", pause, print "two", stop, print "never"); a :: Script(wait 1, stop); b :: Script(wait 2, stop)',
  );
  assert.is(out, "one\ntwo\n");
  assert.ok(stopped);
});

test("requests to stop that come together are as many steps", async () => {
  const { out } = await run('DriverManager(pause, print "one", pause, print "two"); Script(write stop 2)');
  assert.is(out, "one\ntwo\n");
});

test("without a DriverManager the first request stops the router; an empty one waits for one request", async () => {
  assert.ok((await run("Script(wait 1, stop)")).stopped);
  assert.ok((await run("DriverManager; Script(wait 1, stop)")).stopped);
  assert.not((await run("DriverManager")).stopped);
});

test("a DriverManager that begins with an instruction runs it before anything else", async () => {
  const { out, stopped } = await run('Script(print "later"); DriverManager(print "first", wait 1s, stop)');
  assert.is(out, "first\nlater\n");
  assert.ok(stopped);
});

class FakeSignals implements Signals {
  readonly pid = 42;
  readonly sent: [number, number][] = [];
  readonly handlers = new Map<number, () => void>();
  number(name: string): number | undefined {
    return ({ USR1: 10, HUP: 1 } as Record<string, number>)[name];
  }
  catch(signo: number, handler: () => void): () => void {
    this.handlers.set(signo, handler);
    return () => this.handlers.delete(signo);
  }
  send(pid: number, signo: number): void {
    if (pid === 1) throw Object.assign(new Error("kill EPERM"), { errno: -1 });
    this.sent.push([pid, signo]);
  }
}

test("a signal's script runs for each signal while it ends with end; exit uninstalls it", async () => {
  const signals = new FakeSignals();
  const { router, out } = await start(
    's :: Script(TYPE SIGNAL USR1 1, init n 0, set n $(add $n 1), print "got $n", goto exit $(eq $n 2))',
    signals,
  );
  assert.equal([...signals.handlers.keys()], [10, 1]);
  signals.handlers.get(10)!();
  signals.handlers.get(1)!();
  assert.equal(out, ["got 1\n", "got 2\n"]);
  assert.is(signals.handlers.size, 0);
  router.close();
});

test("kill sends signals, and says what the system says", async () => {
  const signals = new FakeSignals();
  const { router, log } = await start(
    "s :: Script(print $(kill USR1 $$ 7), print $(kill 9 1), print $(kill NO 1))",
    signals,
  );
  router.runFor(1);
  assert.equal(signals.sent, [
    [42, 10],
    [7, 10],
  ]);
  assert.equal(log.slice(1), ["  kill(1, 9): Operation not permitted", "  bad SIGNO"]);
  router.close();
});

test.run();
