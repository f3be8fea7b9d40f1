import { AGENT_PORT } from "../../src/cloud/agent/agent-message.js";
import type { Decision } from "../../src/cloud/decision/decision.js";
import { ARM_NAMES, type ArmName } from "../../src/cloud/migration/arms.js";
import type { Ledger } from "../../src/cloud/migration/ledger.js";
import { historyText, migrationJson, migrationLine } from "../../src/cloud/migration/listing.js";
import { type Domain, parseDomain } from "../../src/cloud/migration/messages/domains.js";
import { MessageWorld } from "../../src/cloud/migration/messages/message-world.js";
import { MigrationError, Migrations, WHEN_BUSY } from "../../src/cloud/migration/migrations.js";
import { openLedger } from "../../src/cloud/migration/open-ledger.js";
import { PATIENCE } from "../../src/cloud/migration/options.js";
import type { MigrationRecord } from "../../src/cloud/migration/record.js";
import type { CatalogueOffer, DecisionOffer, MobilityTrackerOffer } from "../../src/cloud/offers.js";
import { lockWhereLocksAre } from "../../src/device/file-lock.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { splitSpaces } from "../../src/lang/args/text.js";
import { parseTrust, Trusted } from "../../src/lisp/change-priority/trust.js";
import { KeyError, wordsOf } from "../../src/lisp/control/keys.js";
import { NonceFileError } from "../../src/lisp/control/nonce-file.js";
import { resolverAddresses, ServerList } from "../../src/lisp/itr/server-list.js";
import { MappingError } from "../../src/lisp/mapping.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, HandlerError } from "../../src/router/handler.js";
import { linesOf } from "../../src/router/lines.js";
import { offerOf } from "../../src/router/offers.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { StoreError } from "../../src/router/store.js";
import { parseStore, type StoreAddress, sameStore } from "../../src/store/store-address.js";

const args = {
  CATALOGUE: {
    type: "element",
    positional: true,
    required: true,
    doc: "the FMCCatalogue with data centres, their agents, and virtual machines",
  },
  TRACKER: { type: "element", doc: "the FMCMobilityTracker that hears which site has an EID" },
  DECISION: { type: "element", doc: "the FMCDecision whose decisions are carried out" },
  ADDR: {
    type: "address",
    many: true,
    doc: "an address of ours, from which messages go; one of each address family",
  },
  PORT: { type: "ip_port", protocol: 17, default: String(AGENT_PORT), doc: "our UDP port for agents" },
  TRUST: {
    type: "any",
    many: true,
    secret: true,
    doc: "a key shared with tunnel routers, as LISPChangePriority has it; may be repeated",
  },
  MAP_RESOLVER: {
    type: "any",
    many: true,
    doc: "addresses of Map-Resolvers, separated by spaces; may be repeated",
  },
  DOMAIN: {
    type: "any",
    many: true,
    doc: "`DC EID-PREFIX [iid N]`: the domain of a data centre, whose tunnel routers the mapping system is asked for; without it they are the catalogue's",
  },
  ARM: {
    type: "choice",
    choices: ARM_NAMES,
    default: "e",
    doc: "how packets are redirected, unless `migrate` says it",
  },
  WHEN_BUSY: {
    type: "choice",
    choices: WHEN_BUSY,
    default: "cancel",
    doc: "what becomes of a decision about a virtual machine that migrates: that migration is cancelled for it if it can be; it is refused; it waits",
  },
  OUT: { type: "unsigned", default: "4", min: 1, doc: "most migrations out of a data centre at once" },
  IN: { type: "unsigned", default: "4", min: 1, doc: "most into one" },
  PAIR: { type: "unsigned", default: "2", min: 1, doc: "most between two, both ways together" },
  WAITING: { type: "unsigned", default: "4096", max: 65536, doc: "most migrations that wait" },
  REMEMBERED: {
    type: "unsigned",
    default: "256",
    min: 1,
    max: 4096,
    doc: "migrations that have ended which are kept",
  },
  STORE: {
    type: "string",
    default: "memory",
    doc: "where migrations are kept: `memory`, `lmdb:FOLDER`, or `etcd:HOST:PORT,HOST:PORT...[,/PREFIX]`",
  },
  LEASE: {
    type: "seconds",
    default: "3",
    min: 0.1,
    doc: "how long one of several controllers acts after the store has heard of it",
  },
  STATE: { type: "string", doc: "file that keeps nonces of messages to tunnel routers; empty: none" },
  AGENT_STATE: { type: "string", doc: "file that keeps nonces of requests to agents; empty: none" },
  DECIDE: {
    type: "seconds",
    default: String(PATIENCE.decided),
    min: 0.001,
    doc: "time for hypervisors and mapping system to say whether it can be; together with the next four the most that a failure costs beside the copying",
  },
  PREPARE: {
    type: "seconds",
    default: String(PATIENCE.armed),
    min: 0.001,
    doc: "time until the target has room and tunnel routers are armed",
  },
  BEGIN: {
    type: "seconds",
    default: String(PATIENCE.requested),
    min: 0.001,
    doc: "time until the source begins",
  },
  SWITCH: { type: "seconds", default: String(PATIENCE.stopped), min: 0.001, doc: "time from STOP to RESUME" },
  REDIRECT: {
    type: "seconds",
    default: String(PATIENCE.resumed),
    min: 0.001,
    doc: "time from RESUME until the EIDs are registered at the target; then both sides are told, whatever the arm",
  },
  COPY: {
    type: "seconds",
    default: String(PATIENCE.running),
    min: 0.001,
    doc: "time for the copying, until STOP",
  },
  LOST: {
    type: "seconds",
    default: String(PATIENCE.lost),
    min: 0.001,
    doc: "time after which a way forward or back ends without whoever does not answer",
  },
  DOWNTIME: { type: "seconds", default: "0.3", doc: "how long a virtual machine may stand still" },
  BANDWIDTH: {
    type: "bandwidth",
    default: "0",
    doc: "of one migration at most; 0: no limit",
  },
} as const;

const AGENTS = 0;
const ROUTERS = 1;
const OTHERS = 1;
/** Of keys, in a cluster that other elements use as well. */
const PREFIX = "sluice-fmc/";

/**
 * Migrates virtual machines between data centres, with all their addresses.
 *
 * Each migration is a sequence of states that are kept in STORE before anything is asked for: `decided` (what speaks
 * against it is looked for before anybody hears of it), `armed`, `requested`, `running`, `stopped`, `resumed`,
 * `redirected`, `settled`. Until the virtual machine runs at the target it can go back (`cancelling`, then `cancelled` or
 * `failed`), and is served where it was; from then on it goes forward until the mapping system says so. Whatever is not
 * answered is asked for again. A controller that begins, or takes over, asks the hypervisors what is, and goes on. With
 * STORE an etcd cluster several controllers may run: one acts, and another takes over within two leases.
 *
 * ARM is how packets find the new place: `a` the virtual machine's first packet shows it; `b` the target's agent tells
 * its tunnel routers; `c1` this controller tells both sides, and the source's tell the peers; `c2` it tells the
 * target's, and these tell the former ones and the peers; `d` as c1, where tunnel routers are configured to send SMRs;
 * `e` both sides are armed beforehand, packets follow from STOP on, and wait at the target.
 *
 * Migrations of one virtual machine come one after another; of others as many go on at once as OUT, IN and PAIR allow,
 * and the rest waits in order. A target that is full makes one wait only where another one is about to leave it.
 *
 * @input 0 datagrams of agents of hypervisors
 * @input 1 acknowledgements of tunnel routers (Change-Priority)
 * @input 2 Map-Replies (optional)
 * @output 0 all its messages, as IP packets with the destination annotation set
 * @output 1 Map-Replies to others' Map-Requests (optional)
 * @example
 * c :: FMCCatalogue(dc a rloc 192.0.2.1 agent 192.0.2.11 key secret, dc b rloc 192.0.2.2 agent 192.0.2.12 key secret,
 *     service web, vm w service web dc a eid 10.1.0.5);
 * agents, routers :: Idle;
 * agents -> m :: FMCMigration(c, ADDR 192.0.2.50, TRUST "key cp eid any", MAP_RESOLVER 192.0.2.9) -> Discard;
 * routers -> [1] m
 * @see FMCCatalogue, FMCMobilityTracker, FMCDecision, HypervisorAgent, LISPChangePriority
 */
export class FMCMigration extends Element {
  static readonly spec = {
    ports: "2-3/1-2",
    processing: "h/h",
    flow: "x/y",
    args,
    counters: {
      migrations: "migrations that were taken on",
      settled: "those that have ended at their target",
      cancelled: "those that somebody wanted back",
      failed: "those that were refused, or have come back",
      sent: "messages to tunnel routers",
      resent: "messages to tunnel routers that were sent again",
      acknowledged: "messages that tunnel routers have acknowledged, whatever the status",
      silent: "messages to tunnel routers that were given up: no answer in three tries",
      unsent: "messages to tunnel routers that could not be sent: no key for it, too many wait, or no nonce",
      requests: "Map-Requests sent",
      replies: "Map-Replies that answered one",
      unanswered: "questions that no Map-Resolver has answered",
      unreadable: "keys of the store that could not be read",
    },
    drops: {
      malformed: "no message of an agent, a tunnel router or the mapping system in a UDP packet",
      elsewhere: "a datagram that is not to ADDR, or not to PORT",
      bad_auth: "a message that none of the keys made",
      stray: "a message that a controller does not take, or of somebody whom it does not ask",
      late: "an acknowledgement or Map-Reply that nothing waits for",
      unusable: "a Map-Reply that says nothing of what was asked",
      no_slot: "no free packet for a message",
    },
    handlers: {
      migrate: {
        write: true,
        doc: "migrates a virtual machine: `VM DC [ARM] [REASON]`; done when it is kept",
      },
      cancel: { write: true, doc: "sends a migration back: its number, or its virtual machine's name" },
      status: {
        read: true,
        params: true,
        expensive: true,
        doc: "migrations, one a line, from number `N` on: number, virtual machine, from, to, arm, state, bytes and rounds sent, why. After 4,096 a last line says `more: ` and how to go on",
      },
      status_json: {
        read: true,
        params: true,
        expensive: true,
        doc: "the same with all there is, a JSON object a line",
      },
      history: {
        read: true,
        params: true,
        doc: "what has happened in migration `N`, one step a line: seconds, state, from whom, its name in the paper or -, what",
      },
      acting: { read: true, doc: "whether this controller is the one that acts" },
      running: { read: true, doc: "migrations that go on" },
      waiting: { read: true, doc: "migrations that wait for their turn" },
      agents: {
        read: true,
        doc: "data centres whose agents are known: name, and `reachable`, `silent` or `unknown`",
      },
      store: { read: true, doc: "where migrations are kept" },
    },
  } as const satisfies ElementSpec;

  readonly #start = this.newTimer(() => this.#begin());
  #values: ArgValues<typeof args> | null = null;
  #catalogue: CatalogueOffer | null = null;
  #tracker: MobilityTrackerOffer | null = null;
  #decision: DecisionOffer | null = null;
  #store: StoreAddress = { kind: "memory" };
  #world: MessageWorld | null = null;
  #ledger: Ledger | null = null;
  /** Whether the ledger is this element's to close: during a hot swap two have it. */
  #owner = false;
  #migrations: Migrations | null = null;
  #unlisten: readonly (() => void)[] = [];

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#values = values;
    this.#catalogue = offerOf(values.CATALOGUE, "FMCCatalogue", "CATALOGUE", errors);
    this.#tracker = offerOf(values.TRACKER, "FMCMobilityTracker", "TRACKER", errors);
    this.#decision = offerOf(values.DECISION, "FMCDecision", "DECISION", errors);
    const { ADDR } = values;
    if (ADDR.length === 0) errors.error("no ADDR given");
    for (const family of [4, 16])
      if (ADDR.filter(({ length }) => length === family).length > 1)
        errors.error("ADDR: more than one address of a family");
    try {
      this.#store = parseStore(values.STORE);
    } catch (e) {
      if (!(e instanceof StoreError)) throw e;
      errors.error(`STORE: ${e.message}`);
    }
    if (this.#catalogue === null) return;
    this.#world = new MessageWorld({
      element: this,
      catalogue: this.#catalogue,
      addresses: ADDR,
      port: values.PORT,
      trusted: this.#trusted(values.TRUST, errors),
      servers: new ServerList(resolverAddresses(values.MAP_RESOLVER, errors), ADDR),
      domains: this.#readDomains(values.DOMAIN, errors),
      state: values.STATE || null,
      agentState: values.AGENT_STATE || null,
      event: (dc, event) => this.#migrations?.event(dc, event),
      count: (what) => this.#count(what),
      log: (line) => this.#log(line),
    });
  }

  #readDomains(texts: readonly string[], errors: ErrorSink): readonly Domain[] {
    try {
      return texts.map(parseDomain);
    } catch (e) {
      if (!(e instanceof MappingError)) throw e;
      errors.error(`DOMAIN: ${e.message}`);
      return [];
    }
  }

  #trusted(texts: readonly string[], errors: ErrorSink): Trusted {
    try {
      return new Trusted(texts.filter((text) => wordsOf(text).length > 0).map((text) => parseTrust(text)));
    } catch (e) {
      if (!(e instanceof KeyError)) throw e;
      errors.error(`TRUST: ${e.message}`);
      return new Trusted([]);
    }
  }

  override async initialize(errors: ErrorSink): Promise<void> {
    this.router.useTurns();
    try {
      this.#world!.start();
    } catch (e) {
      if (!(e instanceof NonceFileError)) throw e;
      errors.error(`STATE: ${e.message}`);
    }
    const former = this.hotswapElement;
    if (former instanceof FMCMigration && sameStore(former.#store, this.#store))
      this.#ledger = former.#ledger;
    else if (!(await this.#open(errors))) return;
    const unlisten = [
      this.#tracker?.onClaim(({ eid, to }) =>
        this.#migrations?.published(eid, to?.locators.map(({ rloc }) => rloc) ?? []),
      ),
      this.#decision?.onDecision((decision) => this.#decided(decision)),
    ];
    this.#unlisten = unlisten.filter((end) => end !== undefined);
    // Not before all others are ready for messages.
    this.#start.scheduleAfter(0);
  }

  async #open(errors: ErrorSink): Promise<boolean> {
    try {
      this.#ledger = await openLedger(this.#store, {
        stores: this.router.stores,
        prefix: PREFIX,
        lock: (file) => lockWhereLocksAre(file, (line) => this.#log(line)),
        clock: this.router.clock,
        timers: this.#world!.timers,
        lease: this.#values!.LEASE,
        report: (line) => this.#log(line),
      });
    } catch (e) {
      if (!(e instanceof StoreError)) throw e;
      errors.error(`STORE: ${e.message}`);
      return false;
    }
    this.#owner = true;
    return true;
  }

  #begin(): void {
    const values = this.#values!;
    this.#migrations = new Migrations({
      world: this.#world!,
      ledger: this.#ledger!,
      sequence: {
        patience: {
          decided: values.DECIDE,
          armed: values.PREPARE,
          requested: values.BEGIN,
          stopped: values.SWITCH,
          resumed: values.REDIRECT,
          running: values.COPY,
          lost: values.LOST,
          answer: PATIENCE.answer,
        },
        downtimeLimit: values.DOWNTIME,
        bandwidth: values.BANDWIDTH * 8,
      },
      limits: { out: values.OUT, in: values.IN, pair: values.PAIR },
      whenBusy: WHEN_BUSY.find((word) => word === values.WHEN_BUSY)!,
      arm: ARM_NAMES.find((name) => name === values.ARM)!,
      waitingMax: values.WAITING,
      remembered: values.REMEMBERED,
      report: (line) => this.#log(line),
      entered: (record) => this.#entered(record),
      finished: (number, vm, outcome, why) => this.#decision?.finished(number, vm, outcome, why),
    });
    this.memory.add64(this.counterAddress("unreadable"), this.#ledger!.unreadable);
    this.#world!.greet();
  }

  #decided({ number, transfers, why }: Decision): void {
    const all = this.#migrations;
    if (all === null) return;
    for (const { vm, to } of transfers) {
      const request = { vm, to, reason: `decision ${number}: ${why}`, decision: number };
      all.request(request).catch((e) => {
        if (!(e instanceof MigrationError || e instanceof StoreError)) throw e;
        // Another controller carries it out.
        if (e.code === "STANDBY") return;
        this.#decision!.finished(number, vm, e.code === "SAME_SITE" ? "done" : "failed", e.message);
      });
    }
  }

  #entered({ state }: MigrationRecord): void {
    if (state === "decided") this.#count("migrations");
    else if (state === "settled" || state === "cancelled" || state === "failed") this.#count(state);
  }

  /** The ledger goes on here; what goes on is gone on with as another controller would. */
  override takeState(old: Element): void {
    if (!(old instanceof FMCMigration) || old.#ledger !== this.#ledger) return;
    old.#migrations?.close();
    old.#owner = false;
    this.#owner = true;
    this.#world!.takeOver(old.#world!);
  }

  override cleanup(): void {
    for (const end of this.#unlisten) end();
    this.#migrations?.close();
    this.#world?.close();
    if (this.#owner) this.#ledger?.close().catch((e: Error) => this.#log(e.message));
    this.#owner = false;
  }

  // ---- Messages --------------------------------------------------------------------

  override push(port: number, batch: Batch): void {
    const world = this.#world!;
    if (port === AGENTS) world.fromAgents(batch);
    else if (port === ROUTERS) world.fromRouters(batch);
    else {
      world.fromMapping(batch);
      if (batch.count === 0) return;
      if (this.noutputs <= OTHERS) this.memory.add64(this.counterAddress("late"), batch.count);
      this.pushOrKill(OTHERS, batch);
    }
  }

  #count(name: keyof typeof FMCMigration.spec.counters | keyof typeof FMCMigration.spec.drops): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  #log(line: string): void {
    this.router.log(`${this.declaration}: ${line}`);
  }

  // ---- Handlers --------------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    return {
      migrate: { write: (text) => this.#migrate(text) },
      cancel: { write: (text) => this.#asked((all) => all.cancel(text.trim(), "asked for by hand")) },
      status: { read: (from) => this.#list(from, migrationLine) },
      status_json: { read: (from) => this.#list(from, migrationJson) },
      history: { read: (name) => this.#history(name.trim()) },
      acting: { read: () => this.#migrations?.acting ?? false },
      running: { read: () => this.#migrations?.running ?? 0 },
      waiting: { read: () => this.#migrations?.waiting ?? 0 },
      agents: { read: () => this.#agentsText() },
      store: { read: () => this.#store.kind },
    };
  }

  async #migrate(text: string): Promise<void> {
    const [vm, to, ...rest] = splitSpaces(text.trim());
    if (to === undefined) throw new HandlerError("FAILED", "expected 'VM DC [ARM] [REASON]'");
    const arm = ARM_NAMES.find((name) => name === rest[0]);
    const reason = (arm === undefined ? rest : rest.slice(1)).join(" ");
    const chosen: { arm?: ArmName } = arm === undefined ? {} : { arm };
    await this.#asked((all) => all.request({ vm, to, reason: reason || "asked for by hand", ...chosen }));
  }

  async #asked(ask: (all: Migrations) => Promise<unknown>): Promise<void> {
    if (this.#migrations === null) throw new HandlerError("FAILED", "it has not begun yet");
    try {
      await ask(this.#migrations);
    } catch (e) {
      throw e instanceof MigrationError || e instanceof StoreError
        ? new HandlerError("FAILED", e.message)
        : e;
    }
  }

  #list(from: string, line: (record: MigrationRecord, all: Migrations) => string): string {
    const all = this.#migrations;
    if (all === null) return "";
    const first = Number(from.trim() || "0");
    if (!Number.isInteger(first)) throw new HandlerError("FAILED", "expected the number of a migration");
    const records = all.records().filter(({ number }) => number >= first);
    return linesOf(
      records,
      (record) => line(record, all),
      ({ number }) => String(number),
    );
  }

  #history(name: string): string {
    const record = this.#migrations?.find(name) ?? null;
    if (record === null) throw new HandlerError("FAILED", `there is no migration '${name}'`);
    return historyText(record);
  }

  #agentsText(): string {
    const word = (reachable: boolean | null): string =>
      reachable === null ? "unknown" : reachable ? "reachable" : "silent";
    return this.#world!.reachable()
      .map(([dc, reachable]) => `${dc} ${word(reachable)}\n`)
      .join("");
  }
}
