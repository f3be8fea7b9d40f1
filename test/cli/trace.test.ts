// timeout: 300
// sluice trace: over the API, inline, in threads and in processes; as text and as a capture that tshark reads.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { namespacesRefused } from "../network/namespaces.js";
import { skipUnless } from "../skip.js";
import { TSHARK } from "../tshark.js";
import { until } from "../until.js";
import { OwnService } from "./own-service.js";
import { sluice } from "./sluice.js";

const own = new OwnService();
const { file: FILE, words: STATE } = own;
test.after(() => own.close());

async function traced(isolation: string): Promise<void> {
  const up = await sluice(["up", FILE, "-d", "--isolation", isolation, ...STATE]);
  assert.is(up.code, 0, up.err);
  // Before that a ping ends where it waits for a mapping or a hardware address.
  const answers = async (): Promise<number> =>
    Number((await sluice(["handler", "host1", "answers.count", ...STATE])).out);
  await until(async () => (await answers()) > 0, "pings are answered", 60);
  const words = ["trace", "xtr1", "--filter", "icmp", "-n", "2", "--seconds", "60", ...STATE];
  const text = await sluice(words);
  assert.is(text.code, 0, text.err);
  assert.match(
    text.out,
    /^#1 \d\d:\d\d:\d\d\.\d{9} IP 192\.168\.\d\.10 > 192\.168\.\d\.10: icmp type \d code 0, /,
  );
  assert.match(text.out, /^ +\+\d+\.\d us +\S+ +\w+, in 0, \d+ -> \d+ bytes, out 0$/m);
  assert.match(text.out, /ToDevice, in 0, its way ends here$/m);
  const wrong = await sluice(["trace", "xtr1", "--filter", "upd", ...STATE]);
  assert.is(wrong.code, 1);
  assert.match(wrong.err, /^wrong filter: .*expected a pattern as IPClassifier takes/);
  if (TSHARK) {
    const file = join(own.state, `${isolation}.pcapng`);
    const capture = await sluice([...words, "--pcapng", "-o", file]);
    assert.is(capture.code, 0, capture.err);
    const fields = ["frame.interface_name", "frame.comment", "icmp.type", "_ws.malformed"];
    const { stdout, status, stderr } = spawnSync(
      "tshark",
      ["-r", file, "-T", "fields", ...fields.flatMap((f) => ["-e", f])],
      { encoding: "utf8" },
    );
    assert.is(status, 0, stderr);
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => line.split("\t"));
    assert.ok(rows.length > 10);
    assert.ok(rows.every(([name, comment]) => comment.includes(` ${name} :: `)));
    assert.ok(rows.some(([, , type]) => type === "8" || type === "0"));
    assert.ok(rows.every((row) => (row[3] ?? "") === ""));
  }
  const down = await sluice(["down", ...STATE]);
  assert.is(down.code, 0, down.err);
}

test("a ping is followed through a tunnel router inline", () => traced("inline"));
test("a ping is followed through a tunnel router in a thread", () => traced("thread"));
const refused = namespacesRefused();
skipUnless(refused === null, refused ?? "")("a ping is followed through a tunnel router in a process", () =>
  traced("process"),
);

test("words that mean nothing are refused with what is expected", async () => {
  const says = async (...words: string[]): Promise<string> =>
    (await sluice(["trace", ...words, ...STATE])).err;
  assert.match(await says(), /expected a function/);
  assert.match(await says("xtr1", "-n", "0"), /--count .+ is not a number from 1 to 10000/);
  assert.match(await says("xtr1", "--json", "--pcapng"), /--json and --pcapng cannot stand together/);
  assert.match(await says("xtr1", "--format", "json"), /unrecognized option .+--format.+ \(is it .+--json/);
});

test.run();
