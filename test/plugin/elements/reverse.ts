import { type Batch, Element, type ElementSpec, Packet } from "sluice";

/** Turns the bytes of each packet round: an element in TypeScript, a packet at a time. */
export class Reverse extends Element {
  static readonly spec = {
    ports: "1/1",
    counters: { count: "packets turned round" },
  } as const satisfies ElementSpec;

  readonly #packet = new Packet(this.memory);

  override process(batch: Batch): void {
    for (let i = 0; i < batch.count; i++) this.#packet.at(batch.at(i)).bytes().reverse();
    this.memory.add64(this.counterAddress("count"), batch.count);
  }
}
