import { test } from "uvu";
import * as assert from "uvu/assert";
import { Packet } from "../../../src/index.js";
import { noMoreRoom } from "../../slot-canary.js";
import { lab } from "./harness.js";

test("every packet gets the header of the arguments, and its MAC header annotation", async () => {
  const l = await lab("Source -> e :: EtherEncap(0x0800, 1:1:1:1:1:1, 2:2:2:2:2:2) -> out :: Capture");
  const packet = new Packet(l.router.memory);
  l.capture("out").onPacket = (slot) => assert.is(packet.at(slot).macHeader, packet.data);
  l.push("e", 0, [{ data: "45aa" }, { data: "" }]);
  assert.equal(l.got("out"), ["020202020202010101010101080045aa", "0202020202020101010101010800"]);
  l.router.close();
});

test("a packet without headroom is moved with its headers; one that there is no room for is dropped", async () => {
  const l = await lab("Source -> e :: EtherEncap(2048, 1:1:1:1:1:1, 2:2:2:2:2:2) -> out :: Capture");
  const { memory } = l.router;
  const packet = new Packet(memory);
  const batch = l.router.batches.acquire();
  for (const length of [2034, 2035, 2048, 30]) {
    batch.add(memory.kernels.poolTake());
    packet.at(batch.at(batch.count - 1)).setBytes(Uint8Array.from({ length }, (_, i) => i & 255));
  }
  // 5 bytes of headroom, and the headers at known places.
  packet.pushFront(123);
  packet.pullBack(100);
  packet.networkHeader = packet.data + 10;
  packet.transportHeader = packet.data + 30;
  packet.macHeader = packet.data - 3;
  const text = Buffer.from(packet.bytes()).toString("hex");
  const headers: number[] = [];
  l.capture("out").onPacket = (slot) => {
    packet.at(slot);
    headers.push(packet.macHeader - packet.data);
    if (packet.networkHeader !== 0)
      headers.push(packet.networkHeader - packet.data, packet.transportHeader - packet.data);
  };
  noMoreRoom(memory);
  l.router.find("e")!.push(0, batch);
  batch.count = 0;
  l.router.batches.release(batch);
  const frames = l.got("out");
  assert.equal(
    frames.map((f) => f.length / 2),
    [2048, 67],
  );
  assert.is(frames[1].slice(28), text);
  assert.equal(headers, [0, 0, 24, 44]);
  assert.is(l.router.read("e.no_room"), "2");
  assert.is(l.used(), 0);
  l.router.close();
});

test("its arguments are read and written while it runs", async () => {
  const l = await lab("Source -> e :: EtherEncap(0x0800, 1:1:1:1:1:1, DST 2:2:2:2:2:2) -> out :: Capture");
  assert.is(l.router.read("e.src"), "01-01-01-01-01-01");
  assert.is(l.router.read("e.dst"), "02-02-02-02-02-02");
  assert.is(l.router.read("e.ethertype"), "2048");
  await l.router.write("e.src", "3:3:3:3:3:3");
  await l.router.write("e.dst", "4:4:4:4:4:4");
  await l.router.write("e.ethertype", "0x86dd");
  assert.is(l.router.read("e.etht"), "34525");
  l.push("e", 0, [{ data: "60" }]);
  assert.equal(l.got("out"), ["04040404040403030303030386dd60"]);
  await l.router.write("e.src", "x").then(
    () => assert.unreachable(),
    (e: Error) => assert.match(e.message, /SRC: parse error/),
  );
  assert.is(l.router.read("e.src"), "03-03-03-03-03-03");
  l.router.close();
});

test.run();
