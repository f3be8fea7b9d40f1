// timeout: 300
// sluice lisp decode: captures of other implementations, and captures that are not as they should be.

import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { authenticate } from "../../src/lisp/control/authentication.js";
import { parseRloc } from "../../src/lisp/mapping.js";
import { ipAddress } from "../../src/wire/lisp-control/address.js";
import { changePriority } from "../../src/wire/lisp-control/change-priority.js";
import { mapNotify, mapRegister } from "../../src/wire/lisp-control/registration.js";
import { writeUdpPacket } from "../../src/wire/udp-packet.js";
import { record } from "../elements/lisp/control.js";
import { CAPTURES, capture, frameBytes, LISP_FIXTURES, write2012 } from "../wire/lisp-control/fixtures.js";
import { type Outcome, sluice } from "./sluice.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-lisp-"));
test.after(() => rmSync(folder, { recursive: true }));

const KEYS = [
  ...[1, 2, 3].map((n) => ["--key", `192.168.${n}.0/24=labkey${n}`]),
  ...[1, 2].map((n) => ["--key", `fd01:0:0:${n}::/64=labkey${n}`]),
].flat();

interface Line {
  readonly frame: number;
  readonly message?: {
    readonly type: string;
    readonly inner?: { readonly message: { readonly type: string } };
  };
  readonly data?: unknown;
  readonly inner?: unknown;
  readonly authentication?: { readonly verdict: string; readonly scope?: string; readonly key?: string };
  readonly error?: { readonly code: string; readonly offset?: number; readonly message: string };
}

function lines(outcome: Outcome): Line[] {
  return outcome.out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

function decode(words: readonly string[]): Promise<Outcome> {
  return sluice(["lisp", "decode", ...words]);
}

/** The frames of a capture, changed, in a file of their own; all at the same time. */
function changed(
  name: string,
  source: string,
  change: (frame: Uint8Array, index: number) => Uint8Array,
  linkType?: number,
): string {
  const file = join(folder, name);
  writeFileSync(file, capture(frameBytes(source).map(change), linkType));
  return file;
}

for (const file of CAPTURES) {
  test(`${file}: verified, and every authentication is valid with the key of its EID`, async () => {
    const outcome = await decode(["--verify", ...KEYS, LISP_FIXTURES + file]);
    assert.is(outcome.err, "");
    assert.is(outcome.code, 0);
    const all = lines(outcome);
    assert.ok(all.length > 0);
    for (const line of all) {
      assert.is(line.error, undefined, `frame ${line.frame}`);
      const authenticated = ["map-register", "map-notify"].includes(line.message?.type ?? "");
      assert.is(line.authentication?.verdict, authenticated ? "valid" : undefined, `frame ${line.frame}`);
    }
  });
}

test("a control message is one line, with time, addresses and ports", async () => {
  const [first] = lines(await decode(["--key=192.168.0.0/16=labkey1", `${LISP_FIXTURES}${CAPTURES[7]}`]));
  const { message, ...rest } = first;
  assert.equal(rest, {
    frame: 1,
    time: 1795212987.510644,
    source: "10.0.1.2",
    sourcePort: 4342,
    destination: "10.0.0.2",
    destinationPort: 4342,
    authentication: { verdict: "valid", scope: "records", key: "192.168.0.0/16" },
  });
  assert.equal(message, {
    type: "map-register",
    nonce: "0xffc72d7b42284757",
    proxyReply: false,
    security: false,
    eidNotify: false,
    useTtl: false,
    merge: false,
    wantNotify: true,
    authentication: { keyId: 0, algorithm: 1, data: "a9576bef1d2179c6afaae73653e3a25d64f849ce" },
    records: [
      {
        ttl: 10,
        eid: "192.168.1.0",
        maskLength: 24,
        action: 0,
        authoritative: true,
        version: 0,
        locators: [
          {
            rloc: "10.0.1.2",
            priority: 1,
            weight: 100,
            mpriority: 255,
            mweight: 0,
            local: true,
            probed: false,
            reachable: true,
          },
        ],
      },
    ],
    ids: null,
  });
});

test("a data packet shows its header and the packet inside", async () => {
  const all = lines(await decode([`${LISP_FIXTURES}oor-08-instance-id-101.pcap`]));
  const data = all.filter((line) => line.data !== undefined);
  assert.ok(data.length > 0);
  assert.equal(data[0].data, {
    nonce: null,
    echoRequest: false,
    versions: null,
    iid: 101,
    statusBits: null,
    key: 0,
  });
  const inner = data[0].inner as { source: string; destination: string; protocol: number };
  assert.match(inner.source, /^192\.168\.[12]\./);
  assert.is(inner.protocol, 1);
});

test("the longest prefix with the right secret is named; without one the verdict says so", async () => {
  const file = `${LISP_FIXTURES}opencp-01-ms-with-oor-xtrs.pcap`;
  const verdicts = async (...keys: string[]): Promise<string[]> =>
    lines(await decode([...keys.map((k) => `--key=${k}`), file]))
      .filter((line) => line.message?.type === "map-register")
      .map(({ authentication: a }) => `${a!.verdict} ${a!.key ?? ""}`.trim())
      .sort();
  assert.equal(await verdicts("192.168.0.0/16=labkey1", "192.168.1.0/24=wrong"), [
    "no-key",
    "no-key",
    "valid 192.168.0.0/16",
    "wrong-key",
  ]);
  assert.equal(await verdicts("192.168.1.128/25=labkey1", "0.0.0.0/0=labkey2"), [
    "no-key",
    "no-key",
    "valid 0.0.0.0/0",
    "wrong-key",
  ]);
});

/** A capture of raw IP packets from 192.0.2.1 to 192.0.2.2, port 4342. */
function messages(name: string, ...payloads: Uint8Array[]): string {
  const file = join(folder, name);
  const ends = { source: parseRloc("192.0.2.1"), destination: parseRloc("192.0.2.2") };
  const ports = { sourcePort: 4342, destinationPort: 4342 };
  const packets = payloads.map((payload) => writeUdpPacket({ ...ends, ...ports, payload }));
  writeFileSync(file, capture(packets, 101));
  return file;
}

test("a message with records of both families and of instances is verified by a key for any of them", async () => {
  const key = { id: 7, secret: Buffer.from("k1") };
  const inInstance = {
    kind: "instance",
    iid: 9,
    iidMaskLength: 0,
    address: ipAddress(parseRloc("10.1.0.0")),
  } as const;
  const records = [
    record("192.168.1.0/24", "192.0.2.1"),
    record("fd01::/64", "192.0.2.1"),
    record("10.1.0.0/16", "192.0.2.1", { eid: inInstance }),
  ];
  const all = [
    mapRegister({ nonce: 1n, records, ids: { xtrId: new Uint8Array(16), siteId: new Uint8Array(8) } }),
    mapNotify({ type: "map-notify", nonce: 1n, records }),
    mapNotify({ type: "map-notify-ack", nonce: 1n, records }),
    // As some acknowledge: without records.
    mapNotify({ type: "map-notify-ack", nonce: 1n, records: [] }),
  ];
  const signed = [1, 2, 3].flatMap((algorithm) => all.map((m) => authenticate(m, key, algorithm)));
  const file = messages("families.pcap", ...signed);
  const verdicts = async (...keys: string[]): Promise<string[]> => [
    ...new Set(
      lines(await decode([...keys.map((k) => `--key=${k}`), file])).map(
        ({ authentication: a }) => a!.verdict,
      ),
    ),
  ];
  assert.equal(await verdicts("192.168.1.0/24=k1", "fd01::/64=k1"), ["valid"]);
  assert.equal(await verdicts("192.168.0.0/16=other", "fd00::/8=other", "10.1.0.0/16=k1"), ["valid"]);
  assert.equal(await verdicts("any=k1"), ["valid"]);
  assert.equal(await verdicts("any=other", "fd01::/64=k1"), ["valid"]);
  assert.equal(await verdicts("any=other"), ["wrong-key"]);
  assert.equal(await verdicts("fd02::/64=k1"), ["no-key", "valid"], "without records all keys are tried");
});

test("a Change-Priority message is shown, and verified by its addresses too", async () => {
  const message = changePriority({
    role: "hypervisor",
    event: "leaving",
    nonce: 1n,
    records: [record("192.168.1.10/32", "10.0.0.2")],
  });
  const ends = { source: parseRloc("192.0.2.1"), destination: parseRloc("192.0.2.2") };
  const key = { id: 3, secret: Buffer.from("labkey1") };
  const file = messages(
    "change.pcap",
    authenticate(message, key, 2, "all", ends),
    authenticate(message, key, 2, "all", { ...ends, source: parseRloc("192.0.2.3") }),
    authenticate({ ...message, acknowledges: true, status: 1, records: [] }, key, 3, "all", ends),
  );
  const all = lines(await decode(["--verify", "--key=192.168.1.0/24=labkey1", file]));
  assert.equal(
    all.map((line) => [line.message?.type, line.authentication?.verdict]),
    [
      ["change-priority", "valid"],
      ["change-priority", "wrong-key"],
      ["change-priority", "valid"],
    ],
  );
  const [first, , ack] = all.map((line) => line.message as unknown as Record<string, unknown>);
  assert.equal(
    [first.role, first.event, first.acknowledges, ack.acknowledges, ack.status],
    ["hypervisor", "leaving", false, true, 1],
  );
});

test("--change-priority-2012 takes type 5 for that, and verifies it; else it is a Map-Notify-Ack", async () => {
  const secret = Buffer.from("labkey1");
  const bytes = write2012({
    type: "change-priority-2012",
    hypervisor: true,
    source: false,
    destination: false,
    nonce: 7n,
    authentication: { keyId: 0, algorithm: 1, data: new Uint8Array(20) },
    eid: ipAddress(parseRloc("192.168.1.10")),
    maskLength: 32,
    list: [ipAddress(parseRloc("10.0.0.2"))],
  });
  bytes.set(createHmac("sha1", secret).update(bytes).digest(), 16);
  const file = messages("change-2012.pcap", bytes, Uint8Array.of(0x50, 0));
  const words = ["--verify", "--key=192.168.1.0/24=labkey1", "--change-priority-2012", file];
  const outcome = await decode(words);
  assert.equal([outcome.code, outcome.err.includes("frame 2")], [1, true]);
  const [line, cut] = lines(outcome);
  const message = line.message as unknown as Record<string, unknown>;
  assert.equal(
    [message.type, message.hypervisor, message.eid, message.maskLength, message.list],
    ["change-priority-2012", true, "192.168.1.10", 32, ["10.0.0.2"]],
  );
  assert.equal(line.authentication, { verdict: "valid", scope: "all", key: "192.168.1.0/24" });
  assert.is(cut.error?.code, "TRUNCATED");
  const [plain] = lines(await decode([file]));
  assert.is(
    plain.message?.type ?? plain.error?.code,
    "TRUNCATED",
    "the EID is no record of a Map-Notify-Ack",
  );
});

test("--verify names the frames that are no message, and fails; without it they are only shown", async () => {
  // The type of the first two control messages becomes 9.
  const file = changed("types.pcap", "oor-01-register-resolve-ping.pcap", (frame, index) => {
    if (index < 2) frame[42] = 0x90;
    return frame;
  });
  const verified = await decode(["--verify", file]);
  assert.is(verified.code, 1);
  assert.is(
    verified.err,
    `${file}: frame 1: no LISP message has type 9 (byte 0)\n${file}: frame 2: no LISP message has type 9 (byte 0)\n`,
  );
  const shown = await decode([file]);
  assert.is(shown.code, 0);
  assert.is(shown.err, "");
  assert.equal(lines(shown)[0].error, {
    code: "BAD_TYPE",
    offset: 0,
    message: "no LISP message has type 9 (byte 0)",
  });
});

test("frames that were cut off when captured are shown as errors", async () => {
  const file = changed("cut.pcap", "oor-01-register-resolve-ping.pcap", (frame) => frame.subarray(0, 60));
  const outcome = await decode(["--verify", file]);
  assert.is(outcome.code, 1);
  assert.is(lines(outcome)[0].error?.code, "NO_PAYLOAD");
  assert.match(outcome.err, /frame 1: IPv4: total length \d+ of 46 bytes\n/);
});

test("captures of raw IP are read too", async () => {
  const file = changed("raw.pcap", "oor-10-ipv6-rlocs.pcap", (frame) => frame.subarray(14), 101);
  const ethernet = await decode([`${LISP_FIXTURES}oor-10-ipv6-rlocs.pcap`]);
  const raw = await decode([file]);
  // The copy has no times of its own.
  const timeless = (outcome: Outcome): Line[] => lines(outcome).map((line) => ({ ...line, time: 0 }));
  assert.equal(timeless(raw), timeless(ethernet));
  assert.match(raw.out, /"source":"fd00:/);
});

test("a capture comes from standard input too, as far as it goes", async () => {
  const { code, out, err } = await sluice(["lisp", "decode", "-"], { input: "no capture" });
  assert.equal(
    { code, out, err },
    { code: 1, out: "", err: "<stdin>: no pcap file: it begins with 6e6f2063 (byte 0)\n" },
  );
  // Link type 1, no frames.
  const header = "\xa1\xb2\xc3\xd4\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\x01";
  const input = Buffer.from(header, "latin1") as unknown as string;
  assert.equal(await sluice(["lisp", "decode", "-"], { input }), { code: 0, out: "", err: "" });
});

test("what is wrong with the command or the file is said, with status 1", async () => {
  const cut = join(folder, "end.pcap");
  const whole = readFileSync(`${LISP_FIXTURES}oor-02-ipv6-eid-proxy-reply.pcap`);
  writeFileSync(cut, whole.subarray(0, whole.length - 1));
  const text = join(folder, "text");
  writeFileSync(text, "hello, world, this is text");
  const usage =
    "Usage: sluice lisp decode [OPTION]... FILE.pcap\nTry 'sluice lisp decode --help' for more information.\n";
  for (const [words, expected] of [
    [[], `sluice: no capture file given\n${usage}`],
    [["a", "b"], `sluice: more than one file given\n${usage}`],
    [["--key", "10.0.0.0/8", "a"], `sluice: --key is EID-PREFIX=SECRET, without key ID\n${usage}`],
    [["--key", "10.0.0.0/8=", "a"], `sluice: --key has no secret for ‘10.0.0.0/8’\n${usage}`],
    [
      ["--key", "ten=x", "a"],
      `sluice: --key is EID-PREFIX=SECRET: what stands before ‘=’ is no EID-prefix\n${usage}`,
    ],
    [
      ["--key", "10.0.0.0/8=file:/nowhere/key", "a"],
      `sluice: --key: secret file '/nowhere/key': No such file or directory\n${usage}`,
    ],
    [
      ["--key", "10.0.0.0/8=env:SLUICE_NONE", "a"],
      `sluice: --key: environment variable SLUICE_NONE is not set\n${usage}`,
    ],
    [["--unknown"], `sluice: unrecognized option ‘--unknown’\n${usage}`],
    [[join(folder, "none")], `${join(folder, "none")}: No such file or directory\n`],
    [[folder], `${folder}: Is a directory\n`],
    [[text], `${text}: no pcap file: it begins with 68656c6c (byte 0)\n`],
  ] as const) {
    const outcome = await decode(words);
    assert.is(Buffer.from(outcome.err, "latin1").toString("utf8"), expected);
    assert.is(outcome.out, "");
    assert.is(outcome.code, 1);
  }
  const outcome = await decode([cut]);
  assert.is(outcome.code, 1);
  assert.match(outcome.err, /ends inside a record \(byte \d+\)\n$/);
  assert.ok(lines(outcome).length > 0, "what came before is shown");
});

test("sluice lisp says which commands it has", async () => {
  const help = await sluice(["lisp", "--help"]);
  assert.match(help.out, /^Usage: sluice lisp COMMAND/);
  assert.match(help.out, /\n {2}decode /);
  assert.match((await decode(["--help"])).out, /^Usage: sluice lisp decode /);
  const none = await sluice(["lisp", "nothing"]);
  assert.is(none.code, 1);
  assert.match(Buffer.from(none.err, "latin1").toString("utf8"), /there is no command ‘nothing’/);
});

test.run();
