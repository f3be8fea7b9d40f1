// RLOC probes and their answers have the form that another implementation's have: the exchange of Open Overlay Router
// in test/fixtures/lisp (README.md there says whence it comes), byte by byte.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { addressText } from "../../../../src/net/address.js";
import { readUdpPacket } from "../../../../src/wire/udp-packet.js";
import { datagrams } from "../../../wire/lisp-control/fixtures.js";
import { packetOf, sentOf } from "../control.js";
import { Bench, toHex } from "../harness.js";

/** Bytes 4 to 11 of both messages. */
const nonceOf = (message: Uint8Array): Uint8Array => message.slice(4, 12);
const withNonce = (message: Uint8Array, nonce: Uint8Array): Uint8Array => {
  const changed = message.slice();
  changed.set(nonce, 4);
  return changed;
};

interface Exchange {
  readonly from: string;
  readonly to: string;
  readonly probe: Uint8Array;
  readonly answer: Uint8Array;
  /** Where the answer came from. */
  readonly answered: string;
}

/** The probes of a capture with their answers, which have their nonces. */
function exchanges(file: string): Exchange[] {
  const messages = datagrams(file).filter((d) => d.control && d.payload !== null);
  const found: Exchange[] = [];
  for (const asked of messages) {
    const probe = asked.payload!;
    if (probe[0] !== 0x12) continue;
    const reply = messages.find(
      ({ payload }) => payload![0] === 0x28 && toHex(nonceOf(payload!)) === toHex(nonceOf(probe)),
    );
    if (reply === undefined) continue;
    found.push({
      from: asked.source,
      to: asked.destination,
      probe,
      answer: reply.payload!,
      answered: reply.source,
    });
  }
  return found;
}

const ALL = ["01-register-resolve-ping", "03-negative-map-reply"].flatMap((f) => exchanges(`oor-${f}.pcap`));

test("a probe of ours is the captured one but for its nonce", async () => {
  const own = ALL.filter(({ from }) => from === "10.0.1.2");
  assert.ok(own.length >= 4, String(own.length));
  for (const { from, to, probe, answer, answered } of own) {
    const eid = probe[21] === 24 ? "192.168.2.0/24" : "fd01:0:0:2::/64";
    const b = await Bench.start(
      `feed :: Feed -> cache :: LISPMapCache(${eid} ${to}) -> Discard;
       f2 :: Feed -> e :: LISPRLOCProber(cache, RLOC ${from}) -> out :: Sink;`,
    );
    b.router.runFor(3.5);
    const [sent] = sentOf(b, "out", "map-request");
    assert.is(toHex(withNonce(sent.payload, nonceOf(probe))), toHex(probe));
    assert.equal([addressText(sent.source), addressText(sent.destination)], [from, to]);
    assert.equal([sent.sourcePort, sent.destinationPort], [4342, 4342]);
    // And the captured answer is one.
    const [again] = [...sentOf(b, "out", "map-request"), sent];
    b.push("e", [packetOf(withNonce(answer, nonceOf(again.payload)), { from: answered, to: from })]);
    assert.equal([b.read("e.answers"), b.read("e.paths").split(" ")[2]], ["1", "up"]);
    b.close();
  }
});

test("our answer to a captured probe is the captured answer", async () => {
  const asked = ALL.filter(
    ({ from, to, probe }) => from === "10.0.1.2" && probe[21] === 24 && to !== "10.0.1.2",
  );
  assert.ok(asked.length >= 4, String(asked.length));
  for (const { from, to, probe, answer } of asked) {
    const b = await Bench.start(
      `site :: LISPSite(192.168.2.0/24 10.0.2.2/1/75 10.0.3.2/1/25 ttl 600);
       feed :: Feed -> e :: LISPMapReplier(site, RLOC 10.0.2.2, RLOC 10.0.3.2) -> out :: Sink; Idle -> [1] e;`,
    );
    b.push("e", [packetOf(probe, { from, to })]);
    const [seen] = b.take("out");
    const reply = readUdpPacket(seen.bytes);
    assert.is(toHex(reply.payload), toHex(answer));
    assert.equal([addressText(reply.source), addressText(reply.destination)], [to, from]);
    b.close();
  }
});

test.run();
