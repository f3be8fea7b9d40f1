// A wire grows with what is on its way: packets come out as they went in, whenever it grew.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Wire } from "../../src/device/wire.js";
import { SeededRandom } from "../../src/router/random.js";

test("a wire that grows is a queue of packets, up to its limits", () => {
  const random = new SeededRandom(7);
  const [PACKETS, BYTES] = [300, 50_000];
  let [fullPackets, fullBytes] = [0, 0];
  for (let round = 0; round < 4; round++) {
    const wire = new Wire(PACKETS, BYTES);
    // Small packets reach the limit of packets, large ones that of bytes.
    const largest = round % 2 === 0 ? 60 : 1500;
    let filling = 0;
    const queue: { bytes: Uint8Array; type: number; arrival: number }[] = [];
    const used = (): number => queue.reduce((sum, p) => sum + p.bytes.length, 0);
    for (let step = 0; step < 120; step++) {
      // Several are announced before their bytes are written, as a device does.
      const staged: Uint8Array[] = [];
      for (let n = random.below(40); n > 0; n--) {
        const bytes = new Uint8Array(1 + random.below(largest)).fill(++filling);
        const fits = queue.length < PACKETS && used() + bytes.length <= BYTES;
        if (queue.length === PACKETS) fullPackets++;
        else if (!fits) fullBytes++;
        assert.is(wire.fits(bytes.length), fits);
        if (!fits) break;
        const packet = { bytes, type: random.below(5), arrival: step * 100 + n };
        wire.announce(bytes.length, packet.type, packet.arrival);
        queue.push(packet);
        staged.push(bytes);
      }
      const written = Buffer.concat(staged);
      wire.write(written, 0, written.length);
      assert.is(wire.packets, queue.length);
      const taken = queue.splice(0, random.below(Math.min(queue.length, 30) + 1));
      const expected = Buffer.concat(taken.map((p) => p.bytes));
      const out = new Uint8Array(expected.length);
      taken.forEach((p, i) => {
        assert.equal([wire.length(i), wire.type(i), wire.arrival(i)], [p.bytes.length, p.type, p.arrival]);
      });
      wire.read(out, 0, out.length);
      assert.is(Buffer.compare(out, expected), 0);
      wire.remove(taken.length, out.length);
      if (random.below(50) === 0) {
        wire.clear();
        queue.length = 0;
      }
    }
  }
  assert.ok(fullPackets > 0 && fullBytes > 0, `both limits were reached: ${fullPackets}, ${fullBytes}`);
});

test.run();
