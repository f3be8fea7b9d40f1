import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { canFindIP, ipOffset, linkTypeText, parseLinkType } from "../../../src/wire/link-type.js";
import { PcapWriter } from "../../../src/wire/pcap.js";
import * as fc from "../../property.js";
import { bench, complaints, run } from "../harness.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-dump-"));
test.after(() => rmSync(folder, { recursive: true }));

interface Recorded {
  readonly at: number;
  readonly bytes: readonly number[];
  readonly original?: number;
}

/** A capture file in the test's folder; times in seconds after 1000. */
function capture(name: string, records: readonly Recorded[], linkType = 1, nanoseconds = false): string {
  const chunks: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => chunks.push(bytes.slice()), { linkType, nanoseconds });
  for (const { at, bytes, original } of records) {
    const start = writer.add(1000 + Math.floor(at), Math.round((at % 1) * 1e9), bytes.length, original);
    writer.buffer.set(bytes, start);
  }
  writer.flush();
  const file = join(folder, name);
  writeFileSync(file, Buffer.concat(chunks));
  return file;
}

const five = capture(
  "five.pcap",
  [0, 1, 2, 3, 4].map((at) => ({ at, bytes: [at, 7] })),
);

test("what ToDump writes, FromDump reads: bytes, times, lengths", async () => {
  for (const nano of [false, true]) {
    const file = join(folder, `round-${nano}.pcap`);
    await run(
      `s :: Idle -> t :: SetTimestamp(1234567890.123456789) -> d :: ToDump(${file}, SNAPLEN 4, NANO ${nano})`,
      0,
      ({ router }) => {
        router.inject("t", Uint8Array.of(1, 2, 3));
        router.inject("t", Uint8Array.of(1, 2, 3, 4, 5, 6));
        assert.is(router.read("d.count"), "2");
        assert.is(router.read("d.filename"), file);
      },
    );
    assert.is(readFileSync(file).length, 24 + 16 + 3 + 16 + 4);
    const text = `f :: FromDump(${file}) -> Print(TIMESTAMP true, PRINTANNO true) -> q :: Queue -> Idle`;
    await run(text, 0.01, ({ router, lines }) => {
      const annotations = (extra: string): string => `${"0".repeat(56)}${extra}${"0".repeat(32)}`;
      assert.equal(lines, [
        `1234567890.123456:    3 | ${annotations("00000000")} | 010203`,
        `1234567890.123456:    4 | ${annotations("02000000")} | 01020304`,
      ]);
      assert.is(router.read("f.encap"), "ETHER");
      assert.is(router.read("f.count"), "2");
      assert.is(router.read("f.filepos"), "63");
      assert.is(router.read("f.packet_filepos"), "63");
      assert.is(router.read("f.filesize"), "63");
    });
  }
});

test("ToDump passes packets on, or throws them away; it stamps those without a time", async () => {
  const file = join(folder, "pass.pcap");
  await run(`Idle -> d :: ToDump(${file}, 0, IP) -> c :: Counter -> Discard`, 0, ({ router }) => {
    router.inject("d", new Uint8Array(1500));
    assert.is(router.read("c.count"), "1");
  });
  const bytes = readFileSync(file);
  assert.is(bytes.length, 24 + 16 + 1500);
  assert.is(bytes.readUInt32LE(20), 101);
  assert.is(bytes.readUInt32LE(24), 1_000_000_000);
});

test("ToDump pulls by itself", async () => {
  const file = join(folder, "pull.pcap");
  await run(`InfiniteSource(LIMIT 300) -> d :: ToDump(${file})`, 0.01, async ({ router }) => {
    assert.is(router.read("d.count"), "300");
    await router.write("d.reset_counts");
    assert.is(router.read("d.count"), "0");
  });
  assert.is(readFileSync(file).length, 24 + 300 * (16 + 69));
});

test("ToDump writes on through a hot swap", async () => {
  const file = join(folder, "swap.pcap");
  const { router } = await bench(`Idle -> d :: ToDump(${file})`);
  router.inject("d", Uint8Array.of(1));
  await router.swap(`Idle -> d :: ToDump(${file}, UNBUFFERED true)`);
  router.inject("d", Uint8Array.of(2));
  assert.is(readFileSync(file).length, 24 + 2 * 17);
  router.close();
  assert.is(readFileSync(file).length, 24 + 2 * 17);
});

test("ToDump takes its encapsulation from elements that know it", async () => {
  const raw = capture("raw.pcap", [], 101);
  const file = join(folder, "encap.pcap");
  const from = `f :: FromDump(${raw}) -> Discard; g :: FromDump(${five}) -> Discard;`;
  await run(`${from} Idle -> ToDump(${file}, USE_ENCAP_FROM f)`, 0, () => {});
  assert.is(readFileSync(file).readUInt32LE(20), 101);
  const wrong = async (args: string): Promise<string> =>
    (await complaints(`${from} i :: Idle -> ToDump(${file}, ${args})`))[1];
  assert.is(await wrong("USE_ENCAP_FROM f g"), "  source encapsulation types disagree: IP and ETHER");
  assert.is(await wrong("USE_ENCAP_FROM i"), "  'i :: Idle' has no 'encap' read handler");
  assert.is(await wrong("USE_ENCAP_FROM x"), "  no element named 'x'");
  assert.is(await wrong("ENCAP nothing"), "  bad encapsulation type");
  assert.is(
    await wrong("ENCAP IP, USE_ENCAP_FROM f"),
    "  specify at most one of 'ENCAP' and 'USE_ENCAP_FROM'",
  );
});

test("a file that cannot be opened is named, in C's words", async () => {
  assert.equal(
    (await complaints("Idle -> ToDump(/nonexistent/x)"))[1],
    "  /nonexistent/x: No such file or directory",
  );
  assert.equal(
    (await complaints("FromDump(/nonexistent/x) -> Discard"))[1],
    "  /nonexistent/x: No such file or directory",
  );
});

test("ToDump says once that it cannot write, and goes on without", async () => {
  await run(
    "Idle -> d :: ToDump(/dev/full, UNBUFFERED true) -> c :: Counter -> Discard",
    0,
    ({ router, lines }) => {
      for (let i = 0; i < 3; i++) router.inject("d", Uint8Array.of(1));
      assert.is(router.read("c.count"), "3");
      assert.equal(lines, ["ToDump(/dev/full): No space left on device"]);
    },
  ).catch((e) => assert.match(e.message, "No space left on device"));
});

test("FromDump gives the part of the file that is asked for", async () => {
  const times: readonly (readonly [string, string])[] = [
    ["", "01234"],
    ["START 1002", "234"],
    ["START_AFTER 3", "34"],
    ["END 1002", "01"],
    ["END_AFTER 3s", "012"],
    ["START 1001, INTERVAL 2", "12"],
    ["INTERVAL 2", "01"],
    ["FILEPOS 42", "1234"],
    ["ACTIVE false", ""],
  ];
  for (const [args, expected] of times) {
    await run(`f :: FromDump(${five}, ${args}) -> Print -> Discard`, 0.01, ({ lines, router }) => {
      assert.is(lines.map((l) => l[8]).join(""), expected, args);
      assert.is(router.read("f.count"), String(expected.length));
    });
    await run(`f :: FromDump(${five}, ${args}) -> Unqueue -> Print -> Discard`, 0.01, ({ lines }) => {
      assert.is(lines.map((l) => l[8]).join(""), expected, `pulled, ${args}`);
    });
  }
});

test("FromDump's end may be put off, and its file read again", async () => {
  const text = `f :: FromDump(${five}, END_AFTER 1) -> Print -> Discard`;
  await run(text, 0.01, async ({ router, lines }) => {
    const seen = (): string => lines.map((l) => l[8]).join("");
    assert.is(seen(), "0");
    assert.is(router.read("f.active"), "false");
    await router.write("f.extend_interval", "2");
    router.runFor(0.01);
    // The packet that ended it is gone, as in Click.
    assert.is(seen(), "02");
    await router.write("f.filepos", "24");
    await router.write("f.active", "true");
    router.runFor(0.01);
    // An end that has been reached counts no more.
    assert.is(seen(), "0201234");
    await router.write("f.filepos", "100000").then(
      () => assert.unreachable(),
      (e) => assert.is(e.message, "FILEPOS out of range"),
    );
  });
});

test("FromDump keeps the capture's timing", async () => {
  for (const puller of ["", "Unqueue ->"]) {
    const text = `f :: FromDump(${five}, TIMING true) -> ${puller} SetTimestamp -> Print(TIMESTAMP true) -> Discard`;
    await run(text, 2.5, ({ lines }) => {
      assert.equal(
        lines.map((l) => l.slice(0, 15)),
        ["1000000000.0000", "1000000001.0000", "1000000002.0000"],
      );
    });
  }
});

test("FromDump stops the router, or calls a handler, at the end", async () => {
  const { router } = await bench(`f :: FromDump(${five}, STOP true) -> d :: Discard`);
  await router.run();
  assert.is(router.read("d.count"), "5");
  assert.is(router.read("f.active"), "false");
  router.close();
  const text = `FromDump(${five}, END_CALL s.switch 1) -> s :: Switch -> Discard; s[1] -> Discard`;
  await run(text, 0.01, ({ router }) => assert.is(router.read("s.switch"), "1"));
});

test("FromDump samples", async () => {
  const many = capture(
    "many.pcap",
    Array.from({ length: 2000 }, (_, i) => ({ at: i / 1000, bytes: [1] })),
  );
  await run(`f :: FromDump(${many}, SAMPLE 0.25, BURST 32) -> d :: Discard`, 0.1, ({ router }) => {
    const count = Number(router.read("d.count"));
    assert.ok(count > 400 && count < 600, String(count));
    assert.is(router.read("f.sampling_prob"), "0.25");
  });
  await run(`f :: FromDump(${many}, SAMPLE 0) -> d :: Discard`, 0.1, ({ router, lines }) => {
    assert.is(router.read("d.count"), "0");
    assert.match(lines.join("\n"), "SAMPLE probability is 0; emitting no packets");
  });
});

test("FromDump with FORCE_IP marks IP packets and sends the others away", async () => {
  const ip = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
  const ether = (type: readonly number[], rest: readonly number[]): number[] => [
    ...Array(12).fill(2),
    ...type,
    ...rest,
  ];
  const file = capture("ip.pcap", [
    { at: 0, bytes: ether([8, 0], ip) },
    { at: 1, bytes: ether([8, 6], ip) },
    { at: 2, bytes: ether([0x81, 0, 0, 5, 8, 0], ip) },
    { at: 3, bytes: ether([8, 0], ip.slice(0, 19)) },
    { at: 4, bytes: [1, 2] },
    { at: 5, bytes: ether([0x86, 0xdd], [0x60, ...Array(39).fill(0)]) },
  ]);
  const text = `f :: FromDump(${file}, FORCE_IP true) -> IPPrint(TIMESTAMP false) -> d :: Discard`;
  await run(`${text}; f[1] -> other :: Discard`, 0.01, ({ router, lines }) => {
    assert.is(router.read("d.count"), "3");
    assert.is(router.read("other.count"), "3");
    assert.equal(lines.slice(0, 2), Array(2).fill("10.0.0.1 > 10.0.0.2: truncated-udp"));
  });
  await run(text, 0.01, ({ router }) => assert.is(router.read("f.not_ip"), "3"));
  const odd = capture("odd.pcap", [], 147);
  assert.match(
    (await complaints(`FromDump(${odd}, FORCE_IP true) -> Discard`))[1],
    "unknown linktype 147; can't force IP packets",
  );
});

test("FromDump drops what no packet holds, and what there is no room for", async () => {
  const file = capture("long.pcap", [
    { at: 0, bytes: Array(66561).fill(1) },
    { at: 1, bytes: Array(66560).fill(1) },
  ]);
  await run(`f :: FromDump(${file}) -> d :: Discard`, 0.01, ({ router }) => {
    assert.is(router.read("f.too_long"), "1");
    assert.is(router.read("d.count"), "1");
  });
  const { router } = await bench(`f :: FromDump(${five}) -> q :: Queue -> Idle`, { memory: { slots: 3 } });
  router.runFor(0.01);
  assert.is(router.read("q.length"), "3");
  assert.is(router.read("f.no_slot"), "2");
  router.close();
});

test("FromDump reads a file that is cut as far as it goes", async () => {
  const good = readFileSync(five);
  const file = join(folder, "damaged.pcap");
  for (let length = 0; length < good.length; length++) {
    writeFileSync(file, good.subarray(0, length));
    const { router, lines } = await bench("Idle -> Discard");
    await router.swap(`f :: FromDump(${file}) -> d :: Discard`).then(
      () => {
        router.runFor(0.001);
        const whole = Math.floor((length - 24) / 18);
        assert.is(router.read("d.count"), String(whole));
        assert.is(lines.length, (length - 24) % 18 === 0 ? 0 : 1);
      },
      (e) => {
        assert.ok(length < 24);
        assert.match(e.message, "damaged.pcap: ");
      },
    );
    router.close();
  }
});

test("FromDump survives any bytes after a good header", async () => {
  const good = readFileSync(five);
  const file = join(folder, "random.pcap");
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), fc.nat(113), async (junk, at) => {
      const bytes = Buffer.from(good);
      const from = Math.max(24, at);
      bytes.set(junk.subarray(0, bytes.length - from), from);
      writeFileSync(file, bytes.subarray(0, good.length));
      await run(`f :: FromDump(${file}, FORCE_IP true) -> IPPrint -> Discard`, 0.001, ({ router }) => {
        assert.ok(Number(router.read("f.count")) <= 5);
      });
    }),
    { numRuns: 100 },
  );
});

test("FromDump reads on through a hot swap", async () => {
  const { router, lines } = await bench(`f :: FromDump(${five}, TIMING true) -> Print -> Discard`);
  router.runFor(1.5);
  await router.swap(`f :: FromDump(${five}) -> Print -> Discard`);
  router.runFor(0.01);
  assert.is(lines.map((l) => l[8]).join(""), "01234");
  router.close();
});

test("FromDump refuses what excludes each other", async () => {
  const wrong = async (args: string): Promise<string> =>
    (await complaints(`FromDump(${five}, ${args}) -> Discard`))[1];
  assert.is(await wrong("START 1, START_AFTER 2"), "  START and START_AFTER are mutually exclusive");
  assert.is(await wrong("END 1, INTERVAL 2"), "  END, END_AFTER, and INTERVAL are mutually exclusive");
  assert.is(await wrong("STOP true, END_CALL stop"), "  END_CALL and STOP are mutually exclusive");
});

test("link types have Click's names, and say where IP is", () => {
  assert.is(parseLinkType("ETHER"), 1);
  assert.is(parseLinkType("802.11"), 105);
  assert.is(parseLinkType("#147"), 147);
  assert.is(parseLinkType("ether"), null);
  assert.is(linkTypeText(101), "IP");
  assert.is(linkTypeText(147), "#147");
  const offset = (linkType: number, ...bytes: number[]): number =>
    ipOffset(new DataView(Uint8Array.from(bytes).buffer), 0, bytes.length, linkType);
  assert.is(offset(101), 0);
  assert.is(offset(0, 2, 0, 0, 0), 4);
  assert.is(offset(0, 0, 0, 0, 30), 4);
  assert.is(offset(0, 7, 0, 0, 0), -1);
  assert.is(offset(9, 0xff, 3, 0, 0x21), 4);
  assert.is(offset(9, 0x57), 1);
  assert.is(offset(50, 0xff, 3, 0, 0x21), 4);
  assert.is(offset(50, 0x0f, 0, 8, 0), 4);
  assert.is(offset(104, 0x0f, 0, 0x86, 0xdd), 4);
  assert.is(offset(113, ...Array(14).fill(0), 8, 0), 16);
  assert.is(offset(147, 1, 2, 3), -1);
  for (const linkType of [0, 1, 9, 50, 101, 104, 113]) {
    assert.ok(canFindIP(linkType));
    for (let n = 0; n < 20; n++) offset(linkType, ...Array(n).fill(0x21));
  }
  assert.not.ok(canFindIP(147));
});

test.run();
