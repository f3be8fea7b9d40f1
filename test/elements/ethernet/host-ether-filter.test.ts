// HostEtherFilter: which frames pass, and why others do not.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
} from "../../../assembly/layout.js";
import { hex } from "../../packets.js";
import { lab } from "../lab.js";

const ME = "020000000001";
const frame = (to: string, from = "0200000000aa"): Uint8Array => hex(`${to}${from}0800`);
const TO_ME = frame(ME);
const TO_ALL = frame("ffffffffffff");
const TO_GROUP = frame("01005e000001");
const TO_OTHER = frame("0200000000ee");
const BY_ME = frame("ffffffffffff", ME);
const FRAMES = [TO_ME, TO_ALL, TO_GROUP, TO_OTHER, BY_ME, TO_ME.subarray(0, 13)];

const make = (more: string, rest = "") =>
  lab(`f :: Feed -> h :: HostEtherFilter(2:0:0:0:0:1${more}) -> in :: Catch; ${rest}`);

test("frames to this host, to all and to groups pass and carry their packet type; others are dropped by reason", async () => {
  const l = await make("");
  l.feed(FRAMES);
  assert.equal(
    l.caught("in").map(({ bytes, packetType }) => [bytes, packetType]),
    [
      [TO_ME, PACKET_HOST],
      [TO_ALL, PACKET_BROADCAST],
      [TO_GROUP, PACKET_MULTICAST],
      [BY_ME, PACKET_BROADCAST],
    ],
  );
  assert.is(l.read("h.other"), "1");
  assert.is(l.read("h.own"), "0");
  assert.is(l.read("h.short"), "1");
  l.close();
});

test("DROP_OWN keeps out this host's own frames, DROP_OTHER false lets those for others in", async () => {
  const l = await make(", true, false");
  l.feed(FRAMES);
  assert.equal(
    l.caught("in").map(({ bytes, packetType }) => [bytes, packetType]),
    [
      [TO_ME, PACKET_HOST],
      [TO_ALL, PACKET_BROADCAST],
      [TO_GROUP, PACKET_MULTICAST],
      [TO_OTHER, PACKET_OTHERHOST],
    ],
  );
  assert.is(l.read("h.other"), "0");
  assert.is(l.read("h.own"), "1");
  l.close();
});

test("what does not pass leaves on output 1 where that is connected", async () => {
  const l = await make("", "h[1] -> out :: Catch");
  l.feed(FRAMES);
  assert.equal(
    l.caught("out").map(({ bytes }) => bytes),
    [TO_OTHER, TO_ME.subarray(0, 13)],
  );
  l.close();
});

test.run();
