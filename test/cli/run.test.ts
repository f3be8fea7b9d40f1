// timeout: 300
// The driver's options beyond the recorded cases: handlers, exit status, signals, control sockets, hot swap.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { globPattern } from "../../src/cli/handlers.js";
import { until } from "../until.js";
import { exchange, launch, MAIN, sluice } from "./sluice.js";

const THREE = "a1 :: Script(TYPE PASSIVE, export v 1); a2 :: Script(TYPE PASSIVE, export v 2); i :: Idle";

interface Case {
  readonly what: string;
  readonly words: readonly string[];
  readonly code?: number;
  readonly out?: string;
  readonly err?: string;
}

/** What is wrong with the value of --memory. */
const wrongMemory = (value: string): Case => ({
  what: `a memory of ${value}`,
  words: ["--memory", value, "-qe", "Idle -> Discard"],
  code: 1,
  err: Buffer.from(
    `sluice: --memory needs a whole number of MiB from 1 to 2047, not ‘${value}’\nUsage: sluice [OPTION]... [ROUTERFILE]\nTry 'sluice --help' for more information.\n`,
  ).toString("latin1"),
});

const CASES: readonly Case[] = [
  ...["2048", "0", "1.5"].map(wrongMemory),
  { what: "a memory", words: ["--memory", "2047", "-qe", THREE, "-h", "a1.v"], out: "1\n" },
  { what: "one handler: its value alone", words: ["-qe", THREE, "-h", "a1.v"], out: "1\n" },
  {
    what: "several: each with its name",
    words: ["-qe", THREE, "-h", "a1.v", "-h", "driver"],
    out: "a1.v:\n1\n\ndriver:\nuserlevel\n\n",
  },
  {
    what: "a glob: those that have the handler",
    words: ["-qe", THREE, "-h", "*.v"],
    out: "a1.v:\n1\n\na2.v:\n2\n\n",
  },
  { what: "a set in a glob", words: ["-qe", THREE, "-h", "a[2-9].v"], out: "a2.v:\n2\n\n" },
  { what: "a class", words: ["-qe", THREE, "-h", "Script.v"], out: "a1.v:\n1\n\na2.v:\n2\n\n" },
  {
    what: "a class that others are made from",
    words: ["-qe", "d :: DriverManager(export v 3, stop)", "-h", "Script.v"],
    out: "d.v:\n3\n\n",
  },
  {
    what: "all handlers of an element",
    words: ["-qe", "i :: Idle", "-h", "i.*"],
    out: "i.handlers:\nhandlers\tr.\nports\tr.\nconfig\tr.\nclass\tr.\nname\tr.\n\ni.ports:\n0 inputs\n0 outputs\n\ni.config:\n\ni.class:\nIdle\n\ni.name:\ni\n\n",
  },
  {
    what: "those that are not there are errors; the others are printed",
    words: ["-qe", THREE, "-h", "a1.v", "-h", "a1.nope", "-h", "nope.x", "-h", "z*.x", "-h", "stop"],
    code: 1,
    out: "a1.v:\n1\n\n",
    err: "no 'a1.nope' handler\nno element 'nope'\nno element matching 'z*'\n'stop' is a write handler\n",
  },
  { what: "-x: an integer", words: ["-qe", THREE, "-x", "a2.v"], code: 2 },
  { what: "-x: true is 0", words: ["-qe", "s :: Script(TYPE PASSIVE)", "-x", "s.eq 1 1"], code: 0 },
  { what: "-x: false is 1", words: ["-qe", "s :: Script(TYPE PASSIVE)", "-x", "s.eq 1 2"], code: 1 },
  {
    what: "-x: something else",
    words: ["-qe", THREE, "-x", "driver"],
    code: 255,
    err: "exit handler value should be integer\n",
  },
  {
    what: "-x: no such element",
    words: ["-qe", THREE, "-x", "b.v"],
    code: 255,
    err: "no element named 'b'\n",
  },
  { what: "-q with nothing to run says nothing", words: ["-qe", ""] },
  {
    what: "-o to a place that is not there fails, and the router runs",
    words: ["-o", "/nonesuch/file", "-e", 'Script(print "ran", stop)'],
    code: 1,
    out: "ran\n",
    err: "/nonesuch/file: No such file or directory\n",
  },
  {
    what: "simulated time: what is printed is the same each time, and comes at once",
    words: [
      "--simtime",
      "-e",
      "Script(print $(now), wait 100s, print $(now), wait 0.25, print $(now), stop)",
    ],
    out: "1000000000.000000\n1000000100.000000\n1000000100.250000\n",
  },
  {
    what: "simulated time passes though a task is always busy",
    words: ["--simtime=5", "-e", 'InfiniteSource -> Discard; Script(wait 10ms, print "done", stop)'],
    out: "done\n",
  },
  {
    what: "timewarp tells that time is simulated",
    words: ["--simtime", "-qe", "Idle", "-h", "timewarp"],
    out: "simulation\n",
  },
  {
    what: "time may pass faster",
    words: ["-e", 'Script(write timewarp 1000, print $(timewarp), wait 30s, print "late", stop)'],
    out: "1000\nlate\n",
  },
  {
    what: "waits may be skipped",
    words: ["-e", 'Script(write timewarp nowait, print $(timewarp), wait 1000s, print "late", stop)'],
    out: "nowait\nlate\n",
  },
  {
    what: "ports, with what they may be and their peers",
    words: [
      "-qe",
      "i :: Idle -> n :: Null -> d :: Discard; j :: Idle -> d",
      "-h",
      "d.ports",
      "-h",
      "n.ports",
    ],
    out: "d.ports:\n1 input\npush~\t-\tn [0], j [0]\n0 outputs\n\nn.ports:\n1 input\npush~\t-\ti [0]\n1 output\npush~\t-\t[0] d\n\n",
  },
];
for (const { what, words, code = 0, out = "", err = "" } of CASES)
  test(`sluice ${words.slice(0, 1).join("")}: ${what}`, async () => {
    assert.equal(await sluice(words), { code, out, err });
  });

const USAGE: readonly (readonly [readonly string[], string])[] = [
  [["-p", "x", "-e", ""], "‘--port’ expects a TCP port number, not ‘x’"],
  [["-p", "70000", "-e", ""], "‘--port’ expects a TCP port number, not ‘70000’"],
  ...[
    "::1:7777",
    "[::1]",
    "[::1]7777",
    "::7777",
    "[127.0.0.1]:7777",
    "host:7777",
    "1.2.3:7777",
    "127.0.0.1:",
    ":7777",
  ].map(
    (word) =>
      [
        ["-p", word, "-e", ""],
        `‘--port’ expects ${word.includes(":") ? "ADDRESS:PORT, an IPv6 ADDRESS in brackets" : "a TCP port number"}, not ‘${word}’`,
      ] as [string[], string],
  ),
  [["--socket", "x", "-e", ""], "‘--socket’ expects an open descriptor, not ‘x’"],
  [["-e", "", "a=1", "a=2"], "parameter 'a' multiply defined"],
  [["-o", "a", "-o", "b"], "output file specified twice"],
  [["-x", "a", "-x", "b"], "--exit-handler specified twice"],
  [["-e", "", "file.click"], "router configuration specified twice"],
];
for (const [words, message] of USAGE)
  test(`sluice ${words.join(" ")} is refused`, async () => {
    const { code, err } = await sluice(words);
    assert.is(code, 1);
    assert.is(Buffer.from(err, "latin1").toString("utf8").split("\n")[0], `sluice: ${message}`);
  });

test("-t says how long it ran", async () => {
  const { out } = await sluice(["-t", "-e", "Script(stop)"]);
  assert.match(out, /^\d+\.\d{3}u \d+\.\d{3}s \d:\d\d\.\d\d\n$/);
});

test("globs match as Click's", () => {
  const yes = [
    ["a*", "abc"],
    ["*/q", "x/y/q"],
    ["?b", "ab"],
    ["[a-c]x", "bx"],
    ["[^a-c]x", "dx"],
    ["[]]", "]"],
    ["a\\*", "a*"],
    ["a.b", "a.b"],
  ];
  const no = [
    ["a*", "ba"],
    ["?", ""],
    ["[a-c]", "d"],
    ["[^a]", "a"],
    ["a.b", "axb"],
    ["[z-a]", "m"],
    ["[", "x"],
    ["a\\*", "ab"],
  ];
  for (const [glob, text] of yes) assert.ok(globPattern(glob).test(text), `${glob} ${text}`);
  for (const [glob, text] of no) assert.not(globPattern(glob).test(text), `${glob} ${text}`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const)
  test(`${signal} stops the router, DriverManager or not, and the handlers are read`, async () => {
    const program = launch(["-h", "driver", "-e", 'DriverManager(print "up", pause, print "no", pause)']);
    await program.until(() => program.out() === "up\n");
    program.kill(signal);
    assert.equal(await program.ended, { code: 0, signal: null });
    assert.is(program.out(), "up\nuserlevel\n");
  });

test("a script may take SIGINT's place", async () => {
  const program = launch([
    "-e",
    'Script(TYPE SIGNAL INT, init n 0, set n $(add $n 1), print "got $n", goto end $(lt $n 2), stop); Script(print "up", pause)',
  ]);
  await program.until(() => program.out() === "up\n");
  program.kill("SIGINT");
  await program.until(() => program.out().endsWith("got 1\n"));
  program.kill("SIGINT");
  assert.equal(await program.ended, { code: 0, signal: null });
  assert.match(program.out(), /got 2\n$/);
});

test("-p, -u and -R: handlers over both sockets, and a hot swap that keeps them", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-"));
  try {
    const path = join(folder, "control");
    const program = launch([
      "-R",
      "-p",
      "27000+",
      "-u",
      path,
      "-e",
      "Script(print $(click_driver@@ControlSocket.port), pause); a :: Idle",
    ]);
    await program.until(() => /^\d+\n$/.test(program.out()) && existsSync(path));
    const port = Number(program.out());
    assert.match(await exchange({ port, host: "127.0.0.1" }, "read a.class\n"), /\r\nIdle$/);
    const swapped = await exchange({ path }, "writeuntil hotconfig EOF\nb :: Idle;\nEOF\nread list\n");
    assert.match(swapped, /200 Write handler 'hotconfig' OK\r\n/);
    assert.match(swapped, /\r\n3\nb\nclick_driver@@ControlSocket\nclick_driver@@ControlSocket@1\n$/);
    assert.match(await exchange({ port, host: "127.0.0.1" }, "read b.class\n"), /\r\nIdle$/);
    assert.match(
      await exchange({ path }, "write hotconfig b :: Nonsense\n"),
      /520.*unknown element class 'Nonsense'/s,
    );
    assert.match(await exchange({ path }, "write stop\n"), /200 Write handler 'stop' OK/);
    assert.equal(await program.ended, { code: 0, signal: null });
    assert.not(existsSync(path));
    assert.is(program.err(), "");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

for (const [word, here, others] of [
  ["27050+", "127.0.0.1", ["::1", "127.0.0.2"]],
  ["localhost:27100+", "127.0.0.1", ["::1", "127.0.0.2"]],
  ["127.0.0.2:27150+", "127.0.0.2", ["127.0.0.1"]],
  ["[::1]:27200+", "::1", ["127.0.0.1"]],
  ["*:27250+", "127.0.0.2", ["::1"]],
] as const)
  test(`-p ${word} listens on no more than that`, async () => {
    const program = launch(["-p", word, "-e", "Script(print $(click_driver@@ControlSocket.port), pause)"]);
    await program.until(() => /^\d+\n$/.test(program.out()));
    const port = Number(program.out());
    assert.match(await exchange({ port, host: here }, "read driver\n"), /userlevel$/);
    for (const host of others)
      assert.is(await exchange({ port, host }, "read driver\n").catch((e) => e.code), "ECONNREFUSED", host);
    program.kill("SIGTERM");
    await program.ended;
  });

test("without -R there is no hotconfig", async () => {
  const { out, code } = await sluice(["-qe", "Idle", "-h", "handlers"]);
  assert.is(code, 0);
  assert.not(out.includes("hotconfig"));
});

test("--socket serves a descriptor that is open already", async () => {
  const program = launch(["--socket", "3", "-e", "Script(pause)"], "pipe");
  const { input } = program;
  let text = "";
  input.on("data", (t) => (text += String(t)));
  input.write("read driver\nwrite stop\n");
  assert.equal(await program.ended, { code: 0, signal: null });
  assert.match(
    text,
    /^Click::ControlSocket\/1\.3\r\n200 Read handler 'driver' OK\r\nDATA 9\r\nuserlevel200 Write/,
  );
});

test("a reader that goes away does not stop the router", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-"));
  try {
    const mark = join(folder, "mark");
    const script = `Script(set x 0, label l, print $x, set x $(add $x 1), wait 1ms, goto l $(lt $x 100), print >${mark} "end", stop)`;
    const child = spawn("sh", ["-c", `"$0" "$1" -e "$2" | head -1`, process.execPath, MAIN, script], {
      stdio: "ignore",
    });
    await new Promise((resolve) => child.on("close", resolve));
    await until(() => existsSync(mark) && statSync(mark).size > 0, "the router comes to its end");
    assert.is(readFileSync(mark, "latin1"), "end\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
