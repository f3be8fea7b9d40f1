import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SLOT_NETWORK } from "../../../assembly/layout.js";
import * as fc from "../../property.js";
import { bench, complaints } from "../harness.js";

/** An IPv4 header (20 bytes, 10.0.0.1 to 10.0.0.2) and what follows it. */
function ip(
  protocol: number,
  payload: readonly number[],
  { fragment = 0, length = 20 + payload.length } = {},
): number[] {
  const header = [0x45, 8, length >> 8, length & 255, 0x12, 0x34, fragment >> 8, fragment & 255];
  return [...header, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, ...payload];
}

/** The line that IPPrint with `args` writes about a packet; undefined when it writes none. */
async function print(args: string, bytes: readonly number[], mark = true): Promise<string | undefined> {
  const { router, lines } = await bench(
    `Idle -> p :: IPPrint(${args === "" ? "" : `${args}, `}TIMESTAMP false) -> Idle`,
  );
  const slot = router.memory.kernels.poolTake();
  const batch = router.batches.acquire();
  batch.add(slot);
  const data = router.memory.get32(slot);
  router.memory.u8.set(bytes, data);
  router.memory.set32(slot + 4, bytes.length);
  if (mark) router.memory.set32(slot + SLOT_NETWORK, data);
  router.find("p")?.process(batch);
  router.batches.release(batch);
  router.close();
  return lines[0];
}

const TCP = (flags: number): number[] => [
  0,
  80,
  4,
  0,
  0,
  0,
  0,
  10,
  0,
  0,
  0,
  20,
  0x50,
  flags,
  16,
  0,
  0,
  0,
  0,
  0,
  97,
  98,
];

test("IPPrint writes Click's lines about TCP", async () => {
  assert.is(await print("x", ip(6, TCP(2))), "x: 10.0.0.1.80 > 10.0.0.2.1024: S 10:13(3,42,42) win 4096");
  assert.is(await print("", ip(6, TCP(16))), "10.0.0.1.80 > 10.0.0.2.1024: . 10:12(2,42,42) ack 20 win 4096");
  assert.is(
    await print("", ip(6, TCP(0x1d))),
    "10.0.0.1.80 > 10.0.0.2.1024: FRP 10:13(3,42,42) ack 20 win 4096",
  );
  assert.is(await print("", ip(6, TCP(2).slice(0, 3))), "10.0.0.1 > 10.0.0.2: truncated-tcp");
  assert.is(await print("", ip(6, TCP(2).slice(0, 13))), "10.0.0.1.80 > 10.0.0.2.1024: truncated-tcp");
  assert.is(
    await print("", ip(6, TCP(2).slice(0, 14))),
    "10.0.0.1.80 > 10.0.0.2.1024: S 10:5(-5,34,34)truncated-tcp",
  );
});

test("IPPrint writes Click's lines about UDP and other protocols", async () => {
  const udp = [0, 53, 16, 0, 0, 10, 0, 0, 104, 105];
  assert.is(await print("", ip(17, udp)), "10.0.0.1.53 > 10.0.0.2.4096: udp 10");
  assert.is(await print("", ip(17, udp.slice(0, 7))), "10.0.0.1.53 > 10.0.0.2.4096: truncated-udp");
  assert.is(await print("", ip(17, [])), "10.0.0.1 > 10.0.0.2: truncated-udp");
  assert.is(await print("", ip(47, [])), "10.0.0.1 > 10.0.0.2: ip-proto-47");
  assert.is(
    await print("ID true, TTL true, TOS true, LENGTH true", ip(17, udp)),
    "id 4660 ttl 64 tos 8 length 30 10.0.0.1.53 > 10.0.0.2.4096: udp 10",
  );
  assert.is(await print("PAINT true", ip(47, [])), "paint 0: 10.0.0.1 > 10.0.0.2: ip-proto-47");
  assert.is(await print("PAINT true, AGGREGATE true", ip(47, [])), "#0.0: 10.0.0.1 > 10.0.0.2: ip-proto-47");
  assert.is(await print("", [0x45, 0, 0]), "truncated-ip");
});

test("IPPrint says of fragments where they belong", async () => {
  assert.is(
    await print("", ip(17, [0, 1, 0, 2], { fragment: 0x2003 })),
    "10.0.0.1 > 10.0.0.2: udp (frag 4660:4@24+)",
  );
  assert.is(
    await print("", ip(6, [0, 1, 0, 2], { fragment: 3 })),
    "10.0.0.1 > 10.0.0.2: tcp (frag 4660:4@24)",
  );
  assert.is(await print("", ip(1, [], { fragment: 3 })), "10.0.0.1 > 10.0.0.2: icmp (frag 4660:0@24)");
});

test("IPPrint reads ICMP", async () => {
  const line = async (payload: readonly number[], args = ""): Promise<string> =>
    ((await print(args, ip(1, payload))) ?? "").replace("10.0.0.1 > 10.0.0.2: ", "");
  assert.is(await line([8, 0, 0, 0, 1, 2, 0, 3]), "icmp echo (258, 3)");
  assert.is(await line([0, 0, 0, 0, 1, 2, 0, 3], "SWAP false"), "icmp echo-reply (513, 768)");
  assert.is(await line([8, 0, 0, 0, 1]), "icmp echo truncated-icmp");
  assert.is(await line([8]), "truncated-icmp");
  const quote = (code: number, protocol: number, mtu = 0): number[] => [
    3,
    code,
    0,
    0,
    0,
    0,
    mtu >> 8,
    mtu & 255,
    ...ip(protocol, [0, 9, 0, 53]),
  ];
  assert.is(await line(quote(1, 17)), "icmp 10.0.0.2 unreachable host");
  assert.is(await line(quote(2, 17)), "icmp 10.0.0.2 unreachable protocol udp");
  assert.is(await line(quote(3, 17)), "icmp 10.0.0.2 unreachable port udp/53");
  assert.is(await line(quote(3, 200)), "icmp 10.0.0.2 unreachable port protocol 200/53");
  assert.is(await line(quote(4, 17, 1400)), "icmp 10.0.0.2 unreachable needfrag (mtu 1400)");
  assert.is(await line(quote(3, 17).slice(0, 28)), "icmp 10.0.0.2 unreachable port udptruncated-icmp");
  assert.is(await line(quote(3, 17).slice(0, 20)), "icmp unreachable port truncated-icmp");
  assert.is(await line([11, 0, 0, 0]), "icmp timeexceeded transit");
  assert.is(await line([99, 7, 0, 0]), "icmp type 99 code 7");
});

test("IPPrint shows data, or the payload only", async () => {
  const packet = ip(17, [0, 53, 16, 0, 0, 10, 0, 0, 104, 105]);
  const head = "10.0.0.1.53 > 10.0.0.2.4096: udp 10";
  assert.is(await print("PAYLOAD ascii", packet), `${head}\n  hi`);
  assert.is(
    await print("PAYLOAD hex", ip(6, TCP(2))),
    "10.0.0.1.80 > 10.0.0.2.1024: S 10:13(3,42,42) win 4096\n  6162",
  );
  assert.is(
    await print("CONTENTS hex, MAXLENGTH 26", packet),
    `${head}\n  4508001e 12340000 40110000 0a000001 0a000002 00351000\n  000a`,
  );
  assert.is(await print("CONTENTS true, NBYTES -1", packet).then((l) => l?.endsWith("000a 00006869")), false);
  assert.match(
    (await complaints("Idle -> IPPrint(PAYLOAD hex, CONTENTS hex) -> Discard"))[1],
    "specify at most one of PAYLOAD and CONTENTS",
  );
  assert.match(
    (await complaints("Idle -> IPPrint(CONTENTS x) -> Discard"))[1],
    "bad contents value 'X'; should be 'NONE', 'HEX', or 'ASCII'",
  );
  assert.match(
    (await complaints("Idle -> IPPrint(PAYLOAD x) -> Discard"))[1],
    "bad payload value 'X'; should be 'false', 'hex', or 'ascii'",
  );
});

test("IPPrint is silent about packets without a network header, and while inactive", async () => {
  assert.is(await print("", ip(17, []), false), undefined);
  assert.is(await print("ACTIVE false", ip(17, [])), undefined);
});

test("IPPrint's lines may go to a file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-ipprint-"));
  const file = join(folder, "out");
  assert.is(await print(`x, OUTFILE ${file}`, ip(47, [])), undefined);
  assert.is(readFileSync(file, "latin1"), "x: 10.0.0.1 > 10.0.0.2: ip-proto-47\n");
  rmSync(folder, { recursive: true });
  assert.equal(
    (await complaints("Idle -> IPPrint(OUTFILE /nonexistent/x) -> Discard"))[1],
    "  /nonexistent/x: No such file or directory",
  );
});

test("IPPrint reads no byte that a packet does not have", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(1, 6, 17), async (bytes, protocol) => {
      const packet = [...bytes];
      if (packet.length > 9) packet[9] = protocol;
      const line = await print("PAYLOAD hex", packet);
      assert.ok(typeof line === "string");
      if (bytes.length < 20) assert.is(line, "truncated-ip");
    }),
    { numRuns: 200 },
  );
});

test.run();
