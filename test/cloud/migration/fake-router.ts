// The tunnel router of a data centre, and the Map-Server, for tests: what they do with an EID, over messages that may be lost.

import type { RouterAnswer, Signal, SignalEvent } from "../../../src/cloud/migration/seams.js";
import { addressText } from "../../../src/net/address.js";
import type { Network, Place } from "./network.js";

interface Said {
  readonly nonce: number;
  readonly answer: RouterAnswer;
}

export class FakeRouter {
  readonly place: Place;
  readonly rloc: Uint8Array;
  readonly #network: Network;
  readonly #server: FakeMapServer;
  /** EIDs that it registers and delivers to. */
  readonly hosts = new Set<string>();
  readonly expecting = new Set<string>();
  readonly armed = new Set<string>();
  /** Of each sender and EID the last message. */
  readonly #said = new Map<string, Said>();
  /** EIDs that are here unless they are registered elsewhere. */
  readonly homes = new Set<string>();
  up = true;
  /** Events that it refuses next. */
  readonly refuses = new Set<SignalEvent>();
  readonly #routers: Map<string, FakeRouter>;

  constructor(
    place: Place,
    rloc: Uint8Array,
    network: Network,
    server: FakeMapServer,
    routers: Map<string, FakeRouter>,
  ) {
    this.place = place;
    this.rloc = rloc;
    this.#network = network;
    this.#server = server;
    this.#routers = routers;
    routers.set(addressText(rloc), this);
  }

  /** A message of role H. Null: no answer. */
  take(sender: string, nonce: number, { event, eids, rlocs }: Signal): RouterAnswer | null {
    if (!this.up) return null;
    const names = eids.map(({ address }) => addressText(address));
    const key = `${sender} ${names}`;
    const last = this.#said.get(key);
    if (last !== undefined && nonce <= last.nonce) return nonce === last.nonce ? last.answer : null;
    const status = this.refuses.delete(event) ? "refused" : this.#do(event, names, rlocs);
    const answer: RouterAnswer = { router: this.rloc, status, reason: status === "refused" ? "no" : "" };
    this.#said.set(key, { nonce, answer });
    return answer;
  }

  #do(event: SignalEvent, names: readonly string[], rlocs: readonly Uint8Array[]): RouterAnswer["status"] {
    switch (event) {
      case "expect":
        for (const name of names) if (!this.hosts.has(name)) this.expecting.add(name);
        return "done";
      case "leaving":
        if (!names.every((name) => this.hosts.has(name))) return "refused";
        for (const name of names) this.armed.add(name);
        return "done";
      case "arrived":
        for (const name of names) this.claim(name);
        for (const rloc of rlocs) this.#tellFormer(rloc, names);
        return "done";
      case "left": {
        const here = names.filter((name) => this.hosts.has(name) || this.armed.has(name));
        for (const name of here) this.release(name);
        return here.length > 0 ? "done" : "absent";
      }
      case "cancel":
        for (const name of names) {
          this.expecting.delete(name);
          this.armed.delete(name);
        }
        return "done";
    }
  }

  claim(name: string): void {
    this.expecting.delete(name);
    this.armed.delete(name);
    this.hosts.add(name);
    this.#server.register(this, name);
  }

  release(name: string): void {
    this.hosts.delete(name);
    this.armed.delete(name);
  }

  /** Role N. */
  #tellFormer(rloc: Uint8Array, names: readonly string[]): void {
    const former = this.#routers.get(addressText(rloc))!;
    for (const late of [0, 0.1, 0.3])
      this.#network.after(late, () =>
        this.#network.send(this.place, former.place, "N arrived", () => {
          if (former.up && names.every((name) => this.hosts.has(name)))
            for (const name of names) former.release(name);
        }),
      );
  }

  /** Its own site's agent says so. */
  announce(event: "arrived" | "left", rlocs: readonly Uint8Array[], addresses: readonly Uint8Array[]): void {
    const nonce = ++nonces.last;
    const eids = addresses.map((address) => ({ iid: 0, address }));
    for (const late of [0, 0.1, 0.3])
      this.#network.after(late, () =>
        this.#network.send(this.place, this.place, `H ${event}`, () =>
          this.take("agent", nonce, { event, eids, rlocs, patience: 0 }),
        ),
      );
  }

  /** A host's packet. */
  detect(addresses: readonly Uint8Array[]): void {
    if (!this.up) return;
    for (const address of addresses) {
      const name = addressText(address);
      if (!this.hosts.has(name)) this.claim(name);
    }
  }

  crash(): void {
    this.up = false;
    this.hosts.clear();
    this.expecting.clear();
    this.armed.clear();
  }

  restart(): void {
    this.up = true;
    for (const name of this.homes) this.#home(name);
  }

  /** What is registered elsewhere is not at home. */
  #home(name: string): void {
    this.#network.send(this.place, "ms", "home", () => {
      if (!this.#server.up) return;
      const rloc = this.#server.table.get(name);
      this.#network.send("ms", this.place, "home answer", () => {
        if (this.up && rloc !== undefined && addressText(rloc) === addressText(this.rloc))
          this.hosts.add(name);
      });
    });
    this.#network.after(0.5, () => {
      if (this.up && !this.hosts.has(name) && this.#server.holder(name) === this) this.#home(name);
    });
  }
}

/** Grow, whoever sends. */
export const nonces = { last: 0 };

export class FakeMapServer {
  readonly #network: Network;
  readonly table = new Map<string, Uint8Array>();
  readonly routers: Map<string, FakeRouter>;
  up = true;
  /** Where publications go. */
  listener: ((name: string, rloc: Uint8Array) => void) | null = null;

  constructor(network: Network, routers: Map<string, FakeRouter>) {
    this.#network = network;
    this.routers = routers;
  }

  holder(name: string): FakeRouter | null {
    const rloc = this.table.get(name);
    return rloc === undefined ? null : this.routers.get(addressText(rloc))!;
  }

  /** A Map-Register, again until it is acknowledged. */
  register(router: FakeRouter, name: string): void {
    let acknowledged = false;
    const send = (pause: number): void => {
      if (acknowledged || !router.up || !router.hosts.has(name)) return;
      this.#network.send(router.place, "ms", "Map-Register", () => {
        if (!this.up) return;
        if (!acknowledged && router.hosts.has(name)) this.#put(router, name);
        this.#network.send("ms", router.place, "Map-Notify", () => {
          acknowledged = true;
        });
      });
      this.#network.after(pause, () => send(Math.min(2, 2 * pause)));
    };
    send(0.2);
  }

  #put(router: FakeRouter, name: string): void {
    const former = this.holder(name);
    if (former === router) return;
    this.table.set(name, router.rloc);
    this.#network.send("ms", "ctl", "publication", () => this.listener?.(name, router.rloc));
    if (former === null) return;
    // The former one hears that it has moved (RFC 9301 with the mobility of this project).
    for (const late of [0, 1, 3])
      this.#network.after(late, () =>
        this.#network.send("ms", former.place, "moved", () => {
          if (former.up && this.holder(name) !== former) former.release(name);
        }),
      );
  }
}
