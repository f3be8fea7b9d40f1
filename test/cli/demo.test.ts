// timeout: 120
// The demo: everything that it shows works, from the first second on.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sluice } from "./sluice.js";

const state = mkdtempSync(join(tmpdir(), "sluice-"));
test.after(() => rmSync(state, { recursive: true, force: true }));

test("the demo loses no ping after the first second, says so, and leaves nothing", async () => {
  const { code, out, err } = await sluice(["demo", "--seconds", "3"], { env: { SLUICE_STATE: state } });
  assert.is(code, 0, out + err);
  assert.match(out, /^register +[2-9]\d* Map-Registers reached the Map-Server$/m);
  assert.match(out, /^resolve +\d+ Map-Requests were sent$/m);
  const [, answered, sent, answered6, sent6] =
    /^ping +(\d+) of (\d+) were answered over IPv4, (\d+) of (\d+) over IPv6$/m.exec(out) ?? [];
  assert.ok(Number(sent) >= 6 && Number(sent6) >= 6, out);
  if (answered !== sent || answered6 !== sent6)
    assert.match(out, /^lost +[1-9]\d* pings in the first second, 0 later; dropped \d+ packets /m);
  assert.match(out, /^udp +[1-9]\d* of \d+ packets arrived$/m);
  assert.equal(readdirSync(state), []);
});

test.run();
