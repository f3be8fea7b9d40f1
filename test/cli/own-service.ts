// A service for the tests of commands: conf/services/two-sites.yaml by a name of this process alone, since the names of
// namespaces are the machine's, and in a state folder of its own.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { atEnd } from "../outside.js";
import { sluice } from "./sluice.js";

const CONF = fileURLToPath(new URL("../../../conf/", import.meta.url));

export class OwnService {
  readonly name: string = `t${process.pid}`;
  /** Where services are known. */
  readonly state: string = mkdtempSync(join(tmpdir(), "sluice-"));
  /** Its descriptor. */
  readonly file: string = join(this.state, "service.yaml");
  /** What every command takes. */
  readonly words: readonly string[] = ["--state", this.state];
  /** Where this service is known while it runs. */
  readonly folder: string = join(this.state, this.name);
  readonly #left = atEnd(() => this.#end());

  constructor() {
    const text = readFileSync(`${CONF}services/two-sites.yaml`, "utf8");
    const own = text.replace(/^service: .*/m, `service: ${this.name}`);
    writeFileSync(this.file, own.replaceAll("graph: ../", `graph: ${CONF}`));
  }

  /** Ends it if it runs, and removes all trace of it. */
  async close(): Promise<void> {
    this.#left();
    await this.#end();
  }

  async #end(): Promise<void> {
    await sluice(["down", ...this.words]);
    rmSync(this.state, { recursive: true, force: true });
  }
}
