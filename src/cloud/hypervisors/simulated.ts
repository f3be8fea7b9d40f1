// A hypervisor that is a model of costs: virtual machines with memory that they write to, migrated by pre-copy over a
// bandwidth, on the clock of its agent's router. Where memory streams to, and whether it has come, goes by messages
// between the agents (stream.ts), so that the network's delays and losses count.

import { sameAddress } from "../../net/address.js";
import { Listeners } from "../../router/listeners.js";
import { orNull } from "../../wire/error.js";
import type { UdpPacket } from "../../wire/udp-packet.js";
import { type AgentHost, Alarm, ownAddress } from "../agent/agent-host.js";
import { type AgentMessage, type Ends, isAuthentic, writeAgentMessage } from "../agent/agent-message.js";
import { isName } from "../agent/fields.js";
import {
  type GuestSpec,
  type GuestStatus,
  type Hypervisor,
  HypervisorError,
  type HypervisorEvent,
  type HypervisorStatus,
  type Landing,
  type MigrationOptions,
} from "../hypervisor.js";
import { type GuestModel, SimulatedGuest } from "./guest.js";
import { Incoming } from "./incoming.js";
import { Outgoing } from "./outgoing.js";
import type { SimulatedOptions } from "./simulated-options.js";
import {
  readStreamAnswer,
  readStreamBody,
  type StreamAnswer,
  type StreamMessage,
  streamAnswerBody,
  streamBody,
  streamId,
} from "./stream.js";

/** Migrations that have ended and are remembered by name, so that none is done twice. */
const ENDED_MOST = 1024;
/** Of these, streams whose sources are still told how they ended. */
const STREAMS_MOST = 256;
const SECRET_BYTES = 16;
const ADDRESSES_MAX = 8;
const NEVER = Number.POSITIVE_INFINITY;

/**
 * `refuse`: it takes no orders, and says why. `stall`: no migration out of it gets on. `die`: it does and answers nothing,
 * and forgets the migrations under way; when it is back its virtual machines run again, but for those that may run
 * elsewhere.
 */
export type SimulatedFault = "none" | "refuse" | "stall" | "die";

export const SIMULATED_FAULTS: readonly SimulatedFault[] = ["none", "refuse", "stall", "die"];

/** What became of a message of another agent. */
export type StreamVerdict = "taken" | "malformed" | "bad_auth" | "no_stream";

interface Ended {
  readonly outcome: "completed" | "failed" | "cancelled";
}

export class SimulatedHypervisor implements Hypervisor {
  readonly #options: SimulatedOptions;
  readonly #guests = new Map<string, SimulatedGuest>();
  readonly #outgoing = new Map<string, Outgoing>();
  readonly #incoming = new Map<string, Incoming>();
  readonly #ended = new Map<string, Ended>();
  /** Both kinds, by the streams' IDs: those of ended migrations to tell their other ends. */
  readonly #sources = new Map<bigint, Outgoing>();
  readonly #landings = new Map<bigint, { readonly incoming: Incoming; ends: Ends | null }>();
  readonly #alarm = new Alarm((now) => this.#run(now));
  readonly #listeners: Listeners<[event: HypervisorEvent]>;
  #host: AgentHost | null = null;
  #fault: SimulatedFault = "none";

  constructor(options: SimulatedOptions) {
    this.#options = options;
    this.#listeners = new Listeners("a hypervisor's events", (line) => this.#host?.log(line));
  }

  /** Lives on this host's clock from now on, and reaches others by it. */
  attach(host: AgentHost): void {
    this.#host = host;
    this.#alarm.attach(host);
  }

  // ---- What it has -----------------------------------------------------------------

  /** Has a virtual machine run here. Throws HypervisorError. */
  define(guest: GuestModel): void {
    this.#fits(guest);
    this.#guests.set(guest.name, new SimulatedGuest(guest, "running"));
  }

  /** Removes a virtual machine that is not being migrated. Throws HypervisorError. */
  undefine(name: string): void {
    const guest = this.#guest(name);
    if (guest.migration !== null) throw new HypervisorError("BUSY", `${name} is being migrated`);
    this.#guests.delete(name);
  }

  get fault(): SimulatedFault {
    return this.#fault;
  }

  /** What is wrong with it from now on. */
  setFault(fault: SimulatedFault): void {
    const before = this.#fault;
    this.#fault = fault;
    for (const outgoing of this.#outgoing.values()) outgoing.stall(fault === "stall");
    if (fault === "die" && before !== "die") this.#die();
    if (this.#host !== null) this.#alarm.by(this.#host.clock.now());
  }

  #die(): void {
    // That they were begun is on its disk: their sources hear that they are gone, when somebody is there to tell.
    for (const [name, incoming] of this.#incoming) {
      incoming.kill();
      this.#guests.delete(incoming.guest.name);
      this.#incoming.delete(name);
      this.#end(name, "failed");
    }
    for (const [name, outgoing] of this.#outgoing) {
      // Whether it runs elsewhere has to be asked when there is somebody to ask.
      if (outgoing.inDoubt) continue;
      outgoing.kill();
      outgoing.guest.state = "running";
      this.#outgoing.delete(name);
      this.#sources.delete(streamId(outgoing.landing.secret));
      this.#end(name, "failed");
    }
  }

  /** What `guests` resolves with. */
  get guestsNow(): readonly GuestStatus[] {
    return [...this.#guests.values()].map(({ status }) => status);
  }

  #guest(name: string): SimulatedGuest {
    const guest = this.#guests.get(name);
    if (guest === undefined) throw new HypervisorError("NO_GUEST", `there is no virtual machine '${name}'`);
    return guest;
  }

  /** What `status` resolves with. */
  get statusNow(): HypervisorStatus {
    const { memory, guests, migrations, mtu } = this.#options;
    let taken = 0;
    for (const guest of this.#guests.values()) taken += guest.memory;
    return {
      driver: "simulated",
      memory: { total: memory, free: memory - taken },
      guests: { most: guests, now: this.#guests.size },
      migrations,
      mtu,
    };
  }

  #fits({ name, memory, addresses, mtu }: GuestSpec): void {
    const status = this.statusNow;
    if (!isName(name) || addresses.length > ADDRESSES_MAX)
      throw new HypervisorError("UNSUITED", "a virtual machine has a name of one word and up to 8 addresses");
    if (mtu > status.mtu)
      throw new HypervisorError(
        "UNSUITED",
        `packets of ${mtu} bytes, on a network that carries ${status.mtu}`,
      );
    if (this.#guests.has(name)) throw new HypervisorError("BUSY", `there is a virtual machine '${name}'`);
    if (status.guests.now >= status.guests.most)
      throw new HypervisorError("FULL", `there are ${status.guests.now} virtual machines`);
    if (memory > status.memory.free)
      throw new HypervisorError("FULL", `${memory} bytes of memory, of which ${status.memory.free} are free`);
  }

  // ---- Hypervisor --------------------------------------------------------------------

  /** Runs `work` as a hypervisor does: one that is dead never answers. */
  #work<T>(orders: boolean, work: (host: AgentHost) => T | Promise<T>): Promise<T> {
    if (this.#fault === "die") return new Promise(() => {});
    return (async () => {
      if (this.#host === null) throw new HypervisorError("FAILED", "it has no agent yet");
      if (orders && this.#fault === "refuse") throw new HypervisorError("FAILED", "it takes no orders now");
      return work(this.#host);
    })();
  }

  status(): Promise<HypervisorStatus> {
    return this.#work(false, () => this.statusNow);
  }

  guests(): Promise<readonly GuestStatus[]> {
    return this.#work(false, () => this.guestsNow);
  }

  prepareIncoming(migration: string, guest: GuestSpec, patience: number): Promise<Landing> {
    return this.#work(true, (host) => {
      const known = this.#incoming.get(migration);
      if (known !== undefined) return known.landing;
      this.#new(migration);
      this.#fits(guest);
      const [address] = host.addresses;
      const secret = new Uint8Array(SECRET_BYTES);
      new DataView(secret.buffer).setBigUint64(0, host.random64());
      new DataView(secret.buffer).setBigUint64(8, host.random64());
      const landing = { address, port: host.port, secret };
      const model = new SimulatedGuest({ ...guest, dirtyRate: 0, workingSet: 0 }, "incoming");
      const resuming = this.#options.resume * 1e9;
      const incoming = new Incoming(migration, model, landing, patience * 1e9, resuming, {
        now: () => this.#host!.clock.now(),
        send: (from, answer) => this.#tell(from, answer),
        event: (kind, { guest: { name } }, reason) => this.#event(kind, name, migration, 0, 0, reason),
        ended: (_, outcome) => this.#landed(migration, outcome),
      });
      this.#guests.set(guest.name, model);
      this.#incoming.set(migration, incoming);
      this.#landings.set(streamId(secret), { incoming, ends: null });
      this.#alarm.by(incoming.due);
      return landing;
    });
  }

  migrate(migration: string, guest: string, to: Landing, options: MigrationOptions): Promise<void> {
    return this.#work(true, (host) => {
      const known = this.#outgoing.get(migration);
      if (known !== undefined) return known.begun;
      const ended = this.#ended.get(migration);
      if (ended !== undefined && ended.outcome !== "cancelled") return;
      this.#new(migration);
      const model = this.#guest(guest);
      if (model.migration !== null)
        throw new HypervisorError("BUSY", `${guest} takes part in migration ${model.migration}`);
      if (ownAddress(host, to.address) === undefined)
        throw new HypervisorError("UNSUITED", "no address of the destination's family");
      const outgoing = new Outgoing(migration, model, to, options, this.#options.bandwidth / 8, {
        now: () => this.#host!.clock.now(),
        send: (number, message) => this.#stream(to, number, message),
        event: (kind, { bytes, rounds }, reason) =>
          this.#event(kind, guest, migration, bytes, rounds, reason),
        ended: (_, outcome) => this.#left(migration, outcome),
      });
      this.#outgoing.set(migration, outgoing);
      this.#sources.set(streamId(to.secret), outgoing);
      outgoing.begun.catch(() => {});
      if (this.#fault === "stall") outgoing.stall(true);
      this.#alarm.by(outgoing.due);
      return outgoing.begun;
    });
  }

  /** Throws HypervisorError where a migration of this name has ended, or where no more can be begun. */
  #new(migration: string): void {
    const ended = this.#ended.get(migration);
    if (ended !== undefined)
      throw new HypervisorError("FAILED", `migration ${migration} has ${ended.outcome}`);
    if (!isName(migration)) throw new HypervisorError("UNSUITED", "a migration has a name of one word");
    const { migrations } = this.#options;
    if (this.#outgoing.size + this.#incoming.size >= migrations)
      throw new HypervisorError("BUSY", `there are ${migrations} migrations already`);
  }

  cancel(migration: string, gone = false): Promise<void> {
    return this.#work(false, async () => {
      const outgoing = this.#outgoing.get(migration);
      const incoming = this.#incoming.get(migration);
      if (incoming?.committed === true || this.#ended.get(migration)?.outcome === "completed")
        throw new HypervisorError("TOO_LATE", `migration ${migration} has come to its end`);
      if (incoming !== undefined) incoming.cancel();
      else if (outgoing !== undefined) {
        const done = outgoing.cancel(gone);
        this.#alarm.by(outgoing.due);
        await done;
      } else if (!this.#ended.has(migration)) this.#end(migration, "cancelled");
    });
  }

  onEvent(listener: (event: HypervisorEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  close(): void {
    this.#alarm.stop();
    this.#listeners.clear();
    this.#host = null;
  }

  // ---- Ends of migrations --------------------------------------------------------------

  #event(
    kind: HypervisorEvent["kind"],
    guest: string,
    migration: string,
    bytes: number,
    rounds: number,
    reason: string,
  ): void {
    const at = this.#host!.clock.now();
    this.#listeners.tell({ kind, guest, migration, at, bytes, rounds, reason });
  }

  #left(migration: string, outcome: Ended["outcome"]): void {
    const outgoing = this.#outgoing.get(migration);
    if (outgoing === undefined) return;
    this.#outgoing.delete(migration);
    if (outcome === "completed") this.#guests.delete(outgoing.guest.name);
    this.#end(migration, outcome);
  }

  #landed(migration: string, outcome: Ended["outcome"]): void {
    const incoming = this.#incoming.get(migration);
    if (incoming === undefined) return;
    this.#incoming.delete(migration);
    if (outcome !== "completed") this.#guests.delete(incoming.guest.name);
    this.#end(migration, outcome);
  }

  #end(migration: string, outcome: Ended["outcome"]): void {
    this.#ended.set(migration, { outcome });
    drop(this.#ended, ENDED_MOST, () => true);
    drop(this.#sources, STREAMS_MOST, ({ phase }) => phase === "ended");
    drop(this.#landings, STREAMS_MOST, ({ incoming }) => incoming.over);
  }

  // ---- Streams ---------------------------------------------------------------------------

  #stream({ address, port, secret }: Landing, number: number, message: StreamMessage): void {
    const host = this.#host!;
    const source = ownAddress(host, address)!;
    const ends = { source, destination: address, sourcePort: host.port, destinationPort: port };
    const stream = {
      kind: "stream",
      keyId: 0,
      session: streamId(secret),
      nonce: BigInt(number),
      body: streamBody(message),
    } as const;
    host.send({ ...ends, payload: writeAgentMessage(stream, secret, ends) });
  }

  #tell(incoming: Incoming, answer: StreamAnswer): void {
    const { secret } = incoming.landing;
    const session = streamId(secret);
    const ends = this.#landings.get(session)?.ends ?? null;
    if (ends === null) return;
    const message = {
      kind: "stream-answer",
      keyId: 0,
      session,
      nonce: BigInt(incoming.number),
      body: streamAnswerBody(answer),
    } as const;
    this.#host!.send({ ...ends, payload: writeAgentMessage(message, secret, ends) });
  }

  /** Takes a message of another hypervisor's agent: of a stream, or the answer to one. */
  receive(datagram: UdpPacket, message: AgentMessage): StreamVerdict {
    if (this.#fault === "die" || this.#host === null) return "no_stream";
    return message.kind === "stream" ? this.#streamed(datagram, message) : this.#answered(datagram, message);
  }

  #streamed(datagram: UdpPacket, message: AgentMessage): StreamVerdict {
    const landing = this.#landings.get(message.session);
    if (landing === undefined) return "no_stream";
    const { incoming } = landing;
    if (!isAuthentic(datagram.payload, incoming.landing.secret, datagram)) return "bad_auth";
    const body = orNull(() => readStreamBody(message.body));
    if (body === null) return "malformed";
    const { source, destination, sourcePort, destinationPort } = datagram;
    landing.ends ??= {
      source: destination,
      destination: source,
      sourcePort: destinationPort,
      destinationPort: sourcePort,
    };
    const told = incoming.over;
    incoming.take(Number(message.nonce), body);
    // That it runs, it says by itself.
    if (told || incoming.answer.state !== "running") this.#tell(incoming, incoming.answer);
    this.#alarm.by(incoming.due);
    return "taken";
  }

  #answered(datagram: UdpPacket, message: AgentMessage): StreamVerdict {
    const outgoing = this.#sources.get(message.session);
    if (outgoing === undefined || !sameAddress(datagram.source, outgoing.landing.address)) return "no_stream";
    if (!isAuthentic(datagram.payload, outgoing.landing.secret, datagram)) return "bad_auth";
    const answer = orNull(() => readStreamAnswer(message.body));
    if (answer === null) return "malformed";
    outgoing.answer(Number(message.nonce), answer);
    this.#alarm.by(outgoing.due);
    return "taken";
  }

  #run(now: number): number {
    if (this.#fault === "die") return NEVER;
    let next = NEVER;
    for (const incoming of [...this.#incoming.values()]) {
      incoming.run(now);
      next = Math.min(next, incoming.due);
    }
    for (const outgoing of [...this.#sources.values()]) {
      if (outgoing.due <= now) outgoing.run(now);
      next = Math.min(next, outgoing.due);
    }
    return next;
  }
}

/** Drops the first entries of `map` that may go, until it has `most`. */
function drop<K, V>(map: Map<K, V>, most: number, mayGo: (value: V) => boolean): void {
  if (map.size <= most) return;
  for (const [key, value] of map) {
    if (mayGo(value)) map.delete(key);
    if (map.size <= most) return;
  }
}
