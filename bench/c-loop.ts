// The C program bench/c/encap.c: compiled when it is wanted, run beside us.

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Dataset } from "./data.js";
import { templatePacket } from "./traffic-source.js";

const SOURCE = fileURLToPath(new URL("../../bench/c/encap.c", import.meta.url));
const FLAGS = ["-O3", "-march=native", "-std=c11"];

/** The compiler's first version line; null where there is none. */
export function compiler(): string | null {
  const { status, stdout } = spawnSync("gcc", ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.split("\n")[0] : null;
}

/** What the program reads: numbers in this machine's order. */
function dataFile(data: Dataset, source: number): Uint8Array {
  const words: number[] = [source, data.routes.length, data.destinations.length];
  for (const { address, length, locators } of data.routes) {
    words.push(address, length, locators.length);
    for (const { rloc, weight } of locators) words.push(rloc, weight);
  }
  const template = templatePacket();
  const ports = Uint32Array.from(data.ports, (port) => {
    const bytes = Uint8Array.of(port >> 8, port & 255, template[22], template[23]);
    return new Uint32Array(bytes.buffer)[0];
  });
  const parts = [Uint32Array.from(words), data.destinations, ports, template];
  return Buffer.concat(parts.map((p) => new Uint8Array(p.buffer, p.byteOffset, p.byteLength)));
}

/** The program, running. */
export class CLoop {
  readonly #folder: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;
  #complaints = "";

  private constructor(folder: string, program: string, file: string) {
    this.#folder = folder;
    this.#child = spawn(program, [file]);
    this.#child.stderr.setEncoding("utf8").on("data", (text) => (this.#complaints += text));
    // Writing to a program that has ended: the missing answer tells of it.
    this.#child.stdin.on("error", () => {});
    this.#child.on("error", (e) => (this.#complaints += e.message));
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** Compiles and starts it; `source`: the source RLOC as a number. Throws Error with the compiler's words. */
  static async start(data: Dataset, source: number): Promise<CLoop> {
    const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
    try {
      const program = join(folder, "encap");
      const { status, stderr } = spawnSync("gcc", [...FLAGS, "-o", program, SOURCE], { encoding: "utf8" });
      if (status !== 0) throw new Error(`gcc ${FLAGS.join(" ")}: ${stderr}`);
      const file = join(folder, "data");
      writeFileSync(file, dataFile(data, source));
      const loop = new CLoop(folder, program, file);
      await loop.#answer();
      return loop;
    } catch (e) {
      rmSync(folder, { recursive: true, force: true });
      throw e;
    }
  }

  /** Processes packets in batches; returns the nanoseconds that took. */
  async run(batch: number, packets: number): Promise<number> {
    this.#child.stdin.write(`run ${batch} ${packets}\n`);
    return Number(await this.#answer());
  }

  /** The packets from the first one on as they come out: for each its length (u16, little-endian) and bytes. */
  async check(batch: number, packets: number): Promise<Uint8Array> {
    const file = join(this.#folder, "packets");
    this.#child.stdin.write(`check ${batch} ${packets} ${file}\n`);
    await this.#answer();
    return readFileSync(file);
  }

  /** Packets and bytes that came out, and packets lost, since the start. */
  async totals(): Promise<readonly number[]> {
    this.#child.stdin.write("totals\n");
    return (await this.#answer()).split(" ").map(Number);
  }

  close(): void {
    this.#lines.close();
    this.#child.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answer(): Promise<string> {
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error(`the C program ended: ${this.#complaints.trim()}`);
    return value;
  }
}
