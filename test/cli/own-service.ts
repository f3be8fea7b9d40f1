// A service for the tests of commands: one of conf/services/ by a name of this process alone, since the names of
// namespaces are the machine's, and in folders of its own.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { atEnd } from "../outside.js";
import { sluice } from "./sluice.js";

const CONF = fileURLToPath(new URL("../../../conf/", import.meta.url));

export class OwnService {
  readonly name: string = `t${process.pid}`;
  readonly #home = mkdtempSync(join(tmpdir(), "sluice-"));
  /** Where services are known. */
  readonly state: string = join(this.#home, "state");
  /** Its descriptor, its graphs where they are in conf/. */
  readonly file: string = join(this.#home, "conf/services/own.yaml");
  /** What every command takes. */
  readonly words: readonly string[] = ["--state", this.state];
  /** Where this service is known while it runs. */
  readonly folder: string = join(this.state, this.name);
  readonly #left = atEnd(() => this.#end());

  /** `of`: the name of its file. */
  constructor(of = "two-sites") {
    cpSync(CONF, join(this.#home, "conf"), { recursive: true });
    const text = readFileSync(`${CONF}services/${of}.yaml`, "utf8");
    writeFileSync(this.file, text.replace(/^service: .*/m, `service: ${this.name}`));
    mkdirSync(this.state);
  }

  /** Ends it if it runs, and removes all trace of it. */
  async close(): Promise<void> {
    this.#left();
    await this.#end();
  }

  async #end(): Promise<void> {
    await sluice(["down", ...this.words]);
    rmSync(this.#home, { recursive: true, force: true });
  }
}
