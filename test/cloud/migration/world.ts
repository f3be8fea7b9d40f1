// Two data centres, a Map-Server and controllers in simulated time, with everything that can go wrong between them, and
// what must hold in the end.

import * as assert from "uvu/assert";
import { type Hypervisor, HypervisorError, type HypervisorEvent } from "../../../src/cloud/hypervisor.js";
import type { ArmName } from "../../../src/cloud/migration/arms.js";
import { type Ledger, OwnLedger } from "../../../src/cloud/migration/ledger.js";
import { Migrations, type MigrationsOptions } from "../../../src/cloud/migration/migrations.js";
import { PATIENCE } from "../../../src/cloud/migration/options.js";
import { hasEnded, type MigrationRecord } from "../../../src/cloud/migration/record.js";
import {
  type Machine,
  MappingSystemError,
  type MigrationWorld,
  type RouterAnswer,
  type Signal,
  type Site,
} from "../../../src/cloud/migration/seams.js";
import { addressText, findAddress } from "../../../src/net/address.js";
import { hostPrefix } from "../../../src/net/prefix.js";
import type { Store, StoreOperation } from "../../../src/router/store.js";
import { StoreError } from "../../../src/router/store.js";
import { Timer } from "../../../src/router/timer.js";
import { MemoryStore } from "../../../src/store/memory-store.js";
import { FakeHypervisor } from "./fake-hypervisor.js";
import { FakeMapServer, FakeRouter, nonces } from "./fake-router.js";
import { Network, type Place } from "./network.js";

export type Dc = "dc1" | "dc2";
export const DCS: readonly Dc[] = ["dc1", "dc2"];

export const address = (text: string): Uint8Array => findAddress(text)!;

const RLOCS: Readonly<Record<Dc, Uint8Array>> = { dc1: address("192.0.2.1"), dc2: address("192.0.2.2") };

/** What outlives controllers. */
class FakeStore implements Store {
  readonly #kept = new MemoryStore();
  readonly #network: Network;
  /** Until when it takes nothing, seconds. */
  downUntil = 0;

  constructor(network: Network) {
    this.#network = network;
  }

  load(each: (key: Uint8Array, value: Uint8Array) => void): Promise<number> {
    return this.#kept.load(each);
  }

  async commit(operations: readonly StoreOperation[]): Promise<void> {
    if (this.#network.now < this.downUntil) throw new StoreError("the store is down");
    await this.#kept.commit(operations);
  }

  async close(): Promise<void> {}
}

export interface WorldOptions {
  readonly seed?: number;
  /** Seconds one way. */
  readonly owd?: (from: Place, to: Place) => number;
  readonly arm?: ArmName;
  readonly room?: Partial<FakeHypervisor["room"]>;
  readonly more?: Partial<MigrationsOptions>;
}

/** One life of a controller. */
interface Life {
  alive: boolean;
}

export class World {
  readonly network: Network;
  readonly server: FakeMapServer;
  readonly routers: Readonly<Record<Dc, FakeRouter>>;
  readonly hypervisors: Readonly<Record<Dc, FakeHypervisor>>;
  readonly sites: Record<Dc, Site>;
  readonly machines = new Map<string, Machine>();
  readonly store: FakeStore;
  readonly reports: string[] = [];
  /** Called for each state that is kept. */
  entered: (record: MigrationRecord) => void = () => {};
  controller: { readonly life: Life; readonly migrations: Migrations } | null = null;
  /** Seconds for which both sites claimed an EID, and for which no site claimed one where its virtual machine ran. */
  bothClaimed = 0;
  unserved = 0;
  /** Steady nanoseconds of the last look, and what it saw. */
  #looked = { at: 0, both: false, unserved: false };
  readonly #options: WorldOptions;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    nonces.last = 0;
    this.network = new Network(options.seed ?? 1, options.owd ?? (() => 0.01));
    const rlocs = new Map<string, FakeRouter>();
    this.server = new FakeMapServer(this.network, rlocs);
    const router = (dc: Dc): FakeRouter => new FakeRouter(dc, RLOCS[dc], this.network, this.server, rlocs);
    this.routers = { dc1: router("dc1"), dc2: router("dc2") };
    const room = { memory: 8e9, guests: 8, mtu: 1500, ...options.room };
    const hypervisor = (dc: Dc): FakeHypervisor =>
      new FakeHypervisor(dc, this.network, this.routers[dc], { ...room });
    this.hypervisors = { dc1: hypervisor("dc1"), dc2: hypervisor("dc2") };
    this.hypervisors.dc1.peer = this.hypervisors.dc2;
    this.hypervisors.dc2.peer = this.hypervisors.dc1;
    const site = (name: Dc): Site => ({ name, rlocs: [RLOCS[name]], drained: false });
    this.sites = { dc1: site("dc1"), dc2: site("dc2") };
    this.store = new FakeStore(this.network);
    this.network.watch = () => this.#watch();
  }

  /** A virtual machine that runs at a data centre, at home. */
  add(name: string, dc: Dc, eids: readonly string[], more: Partial<Machine> = {}): void {
    const addresses = eids.map(address);
    const machine: Machine = {
      name,
      dc,
      memory: 1e9,
      mtu: 1500,
      eids: addresses.map((eid) => ({ iid: 0, address: eid })),
      pinned: false,
      ...more,
    };
    this.machines.set(name, machine);
    const { memory, mtu } = machine;
    this.hypervisors[dc].guests.set(name, {
      name,
      memory,
      mtu,
      addresses,
      state: "running",
      migration: null,
    });
    for (const eid of eids) {
      this.routers[dc].hosts.add(eid);
      this.routers[dc].homes.add(eid);
      this.server.table.set(eid, RLOCS[dc]);
    }
  }

  /** Begins a controller; `open`: the place where it keeps migrations, if not the store of all. */
  async start(open?: (world: MigrationWorld) => Promise<Ledger>): Promise<Migrations> {
    const life: Life = { alive: true };
    const world = this.#world(life);
    const ledger = await (open === undefined ? OwnLedger.open(this.store) : open(world));
    const migrations = new Migrations({
      world,
      ledger,
      sequence: { patience: { ...PATIENCE, running: 20 }, downtimeLimit: 0.3, bandwidth: 0 },
      limits: { out: 2, in: 2, pair: 2 },
      whenBusy: "cancel",
      arm: this.#options.arm ?? "c1",
      waitingMax: 100,
      remembered: 50,
      report: (text) => this.reports.push(text),
      entered: (record) => {
        if (life.alive) this.entered(record);
      },
      ...this.#options.more,
    });
    ledger.onActing((acting) => {
      if (!acting || !life.alive) return;
      this.#listen(life, migrations);
      this.controller = { life, migrations };
    });
    return migrations;
  }

  /** It is gone at once, whatever it was at; another one begins after so many seconds, or is there already (null). */
  kill(seconds: number | null): void {
    if (this.controller === null) return;
    this.controller.life.alive = false;
    this.controller = null;
    this.server.listener = null;
    for (const dc of DCS) this.hypervisors[dc].listener = null;
    if (seconds !== null) this.network.after(seconds, () => void this.start());
  }

  // ---- What a controller stands on -------------------------------------------------------

  #world(life: Life): MigrationWorld {
    const { network } = this;
    /** Nothing is heard by the dead. */
    const living = <T>(promise: Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        promise.then(
          (value) => life.alive && resolve(value),
          (error) => life.alive && reject(error),
        );
      });
    const silent = (): Error => new HypervisorError("UNREACHABLE", "no answer");
    const ask = <T>(
      dc: Dc,
      what: string,
      serve: (hypervisor: FakeHypervisor) => T | Promise<T>,
    ): Promise<T> => {
      const hypervisor = this.hypervisors[dc];
      return living(
        network.ask<T>(
          "ctl",
          dc,
          what,
          (answer) => {
            if (!hypervisor.stalled) answer((async () => serve(hypervisor))());
          },
          silent,
        ),
      );
    };
    const remote = (dc: Dc): Hypervisor => ({
      status: () => ask(dc, "status", (h) => h.status()),
      guests: () => ask(dc, "guests", (h) => h.list()),
      prepareIncoming: (id, guest, _patience, announce) =>
        ask(dc, "prepareIncoming", (h) => h.prepareIncoming(id, guest, announce)),
      migrate: (id, guest, _to, options) => ask(dc, "migrate", (h) => h.migrate(id, guest, options)),
      cancel: (id) => ask(dc, "cancel", (h) => h.cancel(id)),
      onEvent: () => () => {},
      close: () => {},
    });
    return {
      clock: network.clock,
      timers: {
        timer: (fire) =>
          new Timer(network.timers, () => {
            if (life.alive) fire();
          }),
      },
      hypervisor: (dc) => remote(dc as Dc),
      routers: { send: (dc, signal) => living(this.#signal(dc as Dc, signal)) },
      mapping: {
        locate: (eid) => living(this.#locate(addressText(eid.address))),
        inCharge: (dc) => living(this.#locate(dc)),
      },
      directory: {
        site: (name) => this.sites[name as Dc] ?? null,
        machine: (name) => this.machines.get(name) ?? null,
        place: (vm, dc) => {
          const machine = this.machines.get(vm);
          if (machine !== undefined) this.machines.set(vm, { ...machine, dc });
        },
      },
    };
  }

  #signal(dc: Dc, signal: Signal): Promise<readonly RouterAnswer[]> {
    const router = this.routers[dc];
    const nonce = ++nonces.last;
    const silent = (): Error => new Error("silent");
    return this.network
      .ask<RouterAnswer>(
        "ctl",
        dc,
        `H ${signal.event}`,
        (answer) => {
          const said = router.take("controller", nonce, signal);
          if (said !== null) answer(Promise.resolve(said));
        },
        silent,
      )
      .then(
        (answer) => [answer],
        () => [{ router: router.rloc, status: "silent", reason: "" } as const],
      );
  }

  #locate(name: string): Promise<readonly Uint8Array[]> {
    return this.network.ask<readonly Uint8Array[]>(
      "ctl",
      "ms",
      "Map-Request",
      (answer) => {
        if (!this.server.up) return;
        const rloc = name in RLOCS ? RLOCS[name as Dc] : this.server.table.get(name);
        answer(Promise.resolve(rloc === undefined ? [] : [rloc]));
      },
      () => new MappingSystemError("UNREACHABLE", "no answer"),
    );
  }

  #listen(life: Life, migrations: Migrations): void {
    this.server.listener = (name, rloc) => {
      if (life.alive) migrations.published({ iid: 0, eid: hostPrefix(address(name)) }, [rloc]);
    };
    for (const dc of DCS) {
      const hypervisor = this.hypervisors[dc];
      let next = hypervisor.firstEvent;
      const early = new Map<number, HypervisorEvent>();
      hypervisor.listener = (_dc, number, event) => {
        if (!life.alive) return;
        if (number >= next) early.set(number, event);
        for (; early.has(next); next++) {
          const due = early.get(next)!;
          early.delete(next);
          migrations.event(dc, due);
        }
        const acknowledged = next - 1;
        this.network.send("ctl", dc, "event ack", () => hypervisor.acknowledged(acknowledged));
      };
    }
  }

  // ---- What must hold --------------------------------------------------------------------

  #watch(): void {
    const { now } = this.network;
    const { at, both, unserved } = this.#looked;
    if (both) this.bothClaimed += now - at;
    if (unserved) this.unserved += now - at;
    const looked = { at: now, both: false, unserved: false };
    for (const { name, eids } of this.machines.values()) {
      const runs = DCS.filter((dc) => this.hypervisors[dc].guests.get(name)?.state === "running");
      assert.ok(runs.length < 2, `${name} runs twice at ${now}`);
      for (const { address: eid } of eids) {
        const claims = DCS.filter((dc) => this.routers[dc].hosts.has(addressText(eid)));
        if (claims.length === 2) looked.both = true;
        if (runs.length === 0 || !claims.includes(runs[0])) looked.unserved = true;
      }
    }
    this.#looked = looked;
  }

  get ended(): boolean {
    return (
      this.controller !== null &&
      this.controller.migrations.running === 0 &&
      this.controller.migrations.waiting === 0
    );
  }

  /** Everything is where it belongs, and nothing is left over. */
  check(context: string): void {
    const { migrations } = this.controller!;
    for (const record of migrations.records())
      assert.ok(hasEnded(record.state), `${context}: migration ${record.number} is ${record.state}`);
    for (const dc of DCS) {
      assert.equal([...this.routers[dc].expecting], [], `${context}: ${dc} still expects`);
      assert.equal([...this.routers[dc].armed], [], `${context}: ${dc} is armed still`);
    }
    for (const { name, dc, eids } of this.machines.values()) {
      const at = DCS.filter((place) => this.hypervisors[place].guests.has(name));
      assert.equal(at, [dc], `${context}: ${name} is known at`);
      const guest = this.hypervisors[dc as Dc].guests.get(name)!;
      assert.equal([guest.state, guest.migration], ["running", null], `${context}: ${name}`);
      for (const { address: eid } of eids) {
        const text = addressText(eid);
        const hosts = DCS.filter((place) => this.routers[place].hosts.has(text));
        assert.equal(hosts, [dc], `${context}: ${text} is claimed by`);
        assert.is(this.server.holder(text)?.place, dc, `${context}: ${text} is registered by`);
      }
    }
  }

  /** As the store has it. */
  async stored(): Promise<readonly MigrationRecord[]> {
    return (await OwnLedger.open(this.store)).records();
  }
}
