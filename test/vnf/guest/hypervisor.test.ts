// A hypervisor and what streams say to it that somebody else may have written.

import { createHash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { HypervisorEvent } from "../../../src/cloud/hypervisor.js";
import type { StreamEvents } from "../../../src/cloud/migration-streams.js";
import { ServiceHypervisor } from "../../../src/vnf/guest/hypervisor.js";
import { encodeRecord, RecordReader, type StreamRecord } from "../../../src/vnf/guest/records.js";
import type { Site } from "../../../src/vnf/guest/site.js";
import { PAGE_BYTES } from "../../../src/vnf/instance/pages.js";
import { SimulatedWorld } from "../../../src/vnf/world.js";
import * as fc from "../../property.js";

const SPEC = { name: "vm", memory: 4 * PAGE_BYTES, addresses: [], mtu: 1500 };

class Destination {
  readonly world = new SimulatedWorld(1);
  readonly did: string[] = [];
  readonly events: HypervisorEvent[] = [];
  readonly answers = new Map<number, StreamRecord[]>();
  readonly aborted: number[] = [];
  readonly hypervisor: ServiceHypervisor;
  readonly stream: StreamEvents;
  attachFails = false;
  runs = true;
  place: string | null = null;
  acknowledges = true;

  constructor() {
    const done = async (what: string): Promise<void> => void this.did.push(what);
    const readers = new Map<number, RecordReader>();
    const site: Site = {
      world: this.world,
      descriptor: {
        name: "dc",
        agent: "a",
        links: new Map(),
        memory: 2 ** 20,
        guests: 8,
        migrations: 4,
        landmark: { file: "", line: 1, column: 1, offset: 0, length: 1 },
      },
      mtu: 1500,
      guests: () => [{ ...SPEC, at: this.place }],
      unsuited: () => null,
      instance: () => (this.runs ? this : null),
      pages: async (_guest, { from, what }) => {
        // A page at first; in the last round more than a stream takes.
        const numbers = what === "last" ? [from, from + 1] : what === "copy" ? [0] : [];
        return {
          looked: numbers.length,
          changed: numbers.length,
          numbers,
          bytes: new Uint8Array(numbers.length * PAGE_BYTES),
          next: what === "last" && from < 2048 ? from + 2 : null,
          digest: new Uint8Array(32),
        };
      },
      pause: () => done("pause"),
      resume: () => done("resume"),
      detach: () => done("detach"),
      attach: () => (this.attachFails ? Promise.reject(new Error("no room on the link")) : done("attach")),
      report: () => {},
    };
    this.hypervisor = new ServiceHypervisor(site);
    this.hypervisor.onEvent((event) => this.events.push(event));
    this.stream = this.hypervisor.streams.carry({
      address: Uint8Array.of(10, 0, 0, 2),
      port: 4345,
      open: (n) => this.stream.opened(n),
      send: (n, bytes) => {
        if (n < 0) {
          if (this.acknowledges) this.stream.sent(n, bytes.length);
          return;
        }
        const reader = readers.get(n) ?? new RecordReader();
        readers.set(n, reader);
        this.answers.set(n, [...(this.answers.get(n) ?? []), ...reader.take(bytes)]);
      },
      finish: () => {},
      abort: (n) => this.aborted.push(n),
    });
  }

  run(seconds = 0.01): Promise<void> {
    return this.world.simulation.runFor(seconds);
  }

  /** Sends records on stream `n`, and lets time pass. */
  async say(n: number, records: readonly StreamRecord[]): Promise<void> {
    this.stream.accepted(n);
    for (const record of records) this.stream.received(n, encodeRecord(record));
    await this.run();
  }

  get kinds(): string[] {
    return this.events.map((e) => (e.reason === "" ? e.kind : `${e.kind}: ${e.reason}`));
  }
}

const page = (n: number, fill = n): StreamRecord => ({
  type: "page",
  page: n,
  bytes: new Uint8Array(PAGE_BYTES).fill(fill),
});

/** SHA-256 of pages that are filled with bytes. */
function digest(...pages: readonly (readonly [number, number])[]): Uint8Array {
  const hash = createHash("sha256");
  for (const [n, fill] of pages)
    hash.update(Uint8Array.of(n, 0, 0, 0)).update(new Uint8Array(PAGE_BYTES).fill(fill));
  return hash.digest();
}

async function prepared(): Promise<[Destination, StreamRecord]> {
  const d = new Destination();
  const { secret } = await d.hypervisor.prepareIncoming("m", SPEC, 5);
  return [d, { type: "begin", migration: "m", secret }];
}

test("a machine runs when the memory that came is the one that was sent, the last copy of each page", async () => {
  const [d, begin] = await prepared();
  const all = digest([0, 9], [2, 2]);
  await d.say(1, [begin, page(0), page(2), page(0, 9), { type: "last", pages: 2, digest: all }]);
  assert.equal(d.did, ["attach", "resume"]);
  assert.equal(d.kinds, ["incoming", "resumed"]);
  assert.equal(d.answers.get(1), [{ type: "resumed" }]);
  // Whoever has not heard it may ask, with the secret.
  const { secret } = begin as { secret: Uint8Array };
  await d.say(2, [{ type: "ask", migration: "m", secret }]);
  assert.equal(d.answers.get(2), [{ type: "resumed" }]);
  await d.say(3, [{ type: "ask", migration: "m", secret: new Uint8Array(16) }]);
  assert.equal([d.answers.get(3), d.aborted], [undefined, [3]]);
});

const WRONG = "failed: the memory that came is not the one that was sent";
const cases: readonly (readonly [string, readonly StreamRecord[], string])[] = [
  ["another byte", [page(1), { type: "last", pages: 1, digest: digest([1, 2]) }], WRONG],
  ["a page too few", [page(1), { type: "last", pages: 2, digest: digest([1, 1], [2, 2]) }], WRONG],
  ["another count", [page(1), { type: "last", pages: 2, digest: digest([1, 1]) }], WRONG],
  ["a page of another memory", [page(4)], "failed: page 4 of a smaller memory"],
  ["a record out of turn", [page(1), { type: "resumed" }], "failed: a record out of turn"],
];
for (const [what, records, reason] of cases)
  test(`a machine does not run after ${what}`, async () => {
    const [d, begin] = await prepared();
    await d.say(1, [begin, ...records]);
    assert.equal(d.kinds, ["incoming", reason]);
    assert.equal(d.did, []);
    assert.equal(d.answers.get(1), [{ type: "failed", reason: reason.replace("failed: ", "") }]);
    assert.equal(await d.hypervisor.guests(), []);
  });

test("one that is asked about before all has come never runs", async () => {
  const [d, begin] = await prepared();
  await d.say(1, [begin, page(1)]);
  await d.say(2, [{ ...begin, type: "ask" } as StreamRecord]);
  assert.equal(d.answers.get(2), [{ type: "failed", reason: "the source has lost its stream" }]);
  d.stream.received(1, encodeRecord({ type: "last", pages: 1, digest: digest([1, 1]) }));
  await d.run();
  assert.equal(d.did, []);
  assert.equal(d.kinds, ["incoming", "failed: the source has lost its stream"]);
});

test("a stream that breaks off, a machine that is gone and a link that takes it not are failures", async () => {
  const last: StreamRecord = { type: "last", pages: 1, digest: digest([1, 1]) };
  const [cut, begin] = await prepared();
  await cut.say(1, [begin, page(1)]);
  cut.stream.ended(1, "its connection: reset");
  await cut.run();
  assert.equal(cut.kinds, ["incoming", "failed: its connection: reset"]);
  const [gone, again] = await prepared();
  gone.runs = false;
  await gone.say(1, [again, page(1), last]);
  assert.equal(gone.kinds, ["incoming", "failed: 'vm' does not run any more"]);
  const [full, third] = await prepared();
  full.attachFails = true;
  await full.say(1, [third, page(1), last]);
  assert.equal(full.kinds, ["incoming", "failed: no room on the link"]);
  assert.equal(full.did, []);
});

test("who says nothing, or something else, is not listened to for long; a second stream is none", async () => {
  const [d, begin] = await prepared();
  await d.say(1, []);
  d.stream.accepted(2);
  d.stream.received(2, new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  await d.say(3, [page(1)]);
  await d.say(4, [{ type: "begin", migration: "other", secret: new Uint8Array(16) }]);
  assert.equal(d.aborted, [2, 3, 4]);
  await d.say(5, [begin]);
  await d.say(6, [begin]);
  assert.equal(d.aborted, [2, 3, 4, 6]);
  // One of which some comes now and then is waited for.
  for (let i = 0; i < 5; i++) {
    await d.run(6);
    d.stream.received(5, encodeRecord(page(1)));
  }
  assert.equal(d.aborted, [2, 3, 4, 6, 1]);
  assert.equal(d.kinds, ["incoming"]);
  await d.run(20);
  assert.equal(d.kinds, ["incoming", "failed: nothing came for 10 s"]);
  for (let n = 10; n < 90; n++) d.stream.accepted(n);
  await d.run();
  assert.ok(d.aborted.includes(89), "there is a limit");
});

test("a machine stands still no longer than there is hope that the rest gets through", async () => {
  const d = new Destination();
  d.place = "dc";
  const options = { downtimeLimit: 0.5, bandwidth: 0, deadline: 60 };
  const landing = { address: Uint8Array.of(10, 0, 0, 3), port: 1, secret: new Uint8Array(16) };
  // All that is sent before it stands still is acknowledged, and then nothing.
  const ends = d.hypervisor.onEvent((event) => {
    if (event.kind === "stopped") d.acknowledges = false;
  });
  await d.hypervisor.migrate("m", "vm", landing, options);
  await d.run(2);
  assert.equal(d.kinds, ["started", "progress", "stopped"]);
  await d.run(1);
  assert.equal(d.kinds, ["started", "progress", "stopped", "failed: the rest does not get through"]);
  assert.equal(d.did, ["pause", "resume"]);
  assert.equal(d.aborted, [-1]);
  assert.equal(
    (await d.hypervisor.guests()).map((g) => [g.state, g.migration]),
    [["running", null]],
  );
  ends();
});

test("records are read as they were written, in whatever pieces they come; others are refused", () => {
  const secret = new Uint8Array(16).fill(7);
  const records: StreamRecord[] = [
    { type: "begin", migration: "m-é", secret },
    page(3),
    { type: "last", pages: 7, digest: new Uint8Array(32).fill(1) },
    { type: "failed", reason: "no" },
    { type: "resumed" },
    { type: "ask", migration: "", secret },
  ];
  const plain = (r: StreamRecord): unknown =>
    Object.fromEntries(Object.entries(r).map(([k, v]) => [k, v instanceof Uint8Array ? [...v] : v]));
  const bytes = Buffer.concat(records.map(encodeRecord));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 }), (cuts) => {
      const reader = new RecordReader();
      const read: StreamRecord[] = [];
      for (let at = 0, i = 0; at < bytes.length; at += cuts[i++ % cuts.length])
        read.push(...reader.take(bytes.subarray(at, at + cuts[i % cuts.length])));
      assert.equal(read.map(plain), records.map(plain));
    }),
    { numRuns: 20 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (any) => {
      try {
        new RecordReader().take(any);
      } catch (e) {
        assert.is((e as { code: string }).code, "RECORD");
      }
    }),
  );
});

test.run();
