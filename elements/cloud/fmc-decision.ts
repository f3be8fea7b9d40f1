import { CatalogueError } from "../../src/cloud/catalogue/model.js";
import { Decider } from "../../src/cloud/decision/decider.js";
import {
  type Decision,
  decisionJson,
  decisionLine,
  type KeptDecision,
  type Outcome,
  whyText,
} from "../../src/cloud/decision/decision.js";
import {
  findPolicy,
  OWN_POLICIES,
  PolicyError,
  type PolicySource,
} from "../../src/cloud/decision/find-policy.js";
import type { Policy } from "../../src/cloud/decision/policy.js";
import type { CatalogueOffer, DecisionOffer, MobilityTrackerOffer } from "../../src/cloud/offers.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { splitSpaces, unquote } from "../../src/lang/args/text.js";
import { SLICE } from "../../src/lisp/slice.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { asHandlerError, type HandlerCode, HandlerError } from "../../src/router/handler.js";
import { linesOf } from "../../src/router/lines.js";
import { listenersOf } from "../../src/router/listeners.js";
import { type Offers, offerOf } from "../../src/router/offers.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { TimerGroup } from "../../src/router/timer-group.js";

const args = {
  CATALOGUE: { type: "element", positional: true, required: true, doc: "the FMCCatalogue" },
  TRACKER: {
    type: "element",
    positional: true,
    required: true,
    doc: "the FMCMobilityTracker that tells where users are",
  },
  POLICY: {
    type: "any",
    default: "nearest",
    doc: "`NAME [ARGUMENT VALUE] ...` for services that name no policy of their own: `always`, `never`, `every`, `nearest`, or one of a package",
  },
  KEEP: {
    type: "unsigned",
    default: "1000",
    min: 1,
    doc: "decisions that are kept, those that all stay as well",
  },
  PATIENCE: {
    type: "seconds",
    default: "600",
    min: 1,
    doc: "time after which a migration that nobody has told the end of takes no room any more at its target",
  },
} as const;

/** A policy that is there, one that is being loaded, or why it is not there. */
type Found = { readonly policy: Policy } | { readonly error: string } | null;

/**
 * Decides whether services follow their users, and to which data centre.
 *
 * Whenever a user is in another place, each service that it uses is decided for by the service's policy, or by POLICY:
 * it is given where the users are, where the parts are, what data centres have left and how far they are, and says which
 * virtual machines go where, and why. What it says is not let through where a virtual machine is pinned, or the data
 * centre is drained, full, of too small an MTU or not there; `why` tells that too. What is on its way somewhere by an
 * earlier decision counts as taken there, until it has arrived or nobody has told of it for PATIENCE. When a data centre
 * is drained, what is there or on its way there goes to the nearest others, whatever the policy.
 *
 * Policies: `always`: at each move to the nearest data centre that takes all parts (of a service whose parts may be
 * `apart`, each for itself). `never`. `every K 10`: as `always`, but at every tenth move of a user. `nearest MARGIN 50
 * GAIN 0.2 HOLD 60`: only where that is nearer by more than 50 km and a fifth of the distance, and 60 s after the last
 * time at the earliest. Distances are the means over the service's users. A package that is required
 * (`require(package NAME)`) brings others, named in its package.json under `sluice`, `policies`, as its elements are.
 *
 * It only decides: who listens carries it out.
 *
 * @example
 * c :: FMCCatalogue(dc paris at 48.86 2.35 rloc 192.0.2.3, service s, vm v service s dc paris eid 10.3.0.9);
 * Idle -> t :: FMCMobilityTracker(c, RLOC 192.0.2.50, MAP_RESOLVER 192.0.2.9, PUBSUB_KEY secret) -> Discard;
 * FMCDecision(c, t, POLICY nearest MARGIN 50)
 * @see FMCCatalogue, FMCMobilityTracker
 */
export class FMCDecision extends Element implements DecisionOffer {
  static readonly spec = {
    ports: "0/0",
    flags: "S0",
    args,
    counters: {
      decisions: "decisions",
      stays: "of these, those that all stay",
      migrations: "of these, those that something migrates",
      refused: "transfers that a policy wanted and that cannot be",
      policy_failed: "times that a policy threw an error or had no verdict",
      policy_missing: "policies of services that are not there, or cannot be used",
      expired: "transfers that nobody has told the end of",
    },
    handlers: {
      decisions: {
        read: true,
        params: true,
        expensive: true,
        doc: "decisions that are kept, one a line, the first first, from number `N` on: number, second, reason, user, service, stay or migrate and what, why. After 4,096 a last line says `more: ` and how to go on",
      },
      decisions_json: {
        read: true,
        params: true,
        expensive: true,
        doc: "the same with what has become of each transfer, a JSON object a line",
      },
      why: { read: true, params: true, doc: "all that is known of decision `N`, by default of the last one" },
      pending: {
        read: true,
        expensive: true,
        doc: "virtual machines on their way, one a line: name, target, decision",
      },
      waiting: { read: true, doc: "decisions that are still to be made" },
      policies: { read: true, doc: "the policies that can be named, one a line, ours with their arguments" },
      decide: { write: true, doc: "decides for a service now: `SERVICE`" },
      migrate: { write: true, doc: "decides that a virtual machine goes to a data centre: `VM DC [WHY]`" },
    },
  } as const satisfies ElementSpec;

  readonly #timers = new TimerGroup(this);
  readonly #listeners = listenersOf<[Decision]>(this, "decisions");
  #catalogue: CatalogueOffer | null = null;
  #tracker: MobilityTrackerOffer | null = null;
  #values: ArgValues<typeof args> | null = null;
  #decider: Decider | null = null;
  /** By text. */
  readonly #policies = new Map<string, Found>();
  #text = "";
  #last = 0;

  override offers(): Partial<Offers> {
    return { FMCDecision: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#values = values;
    this.#catalogue = offerOf(values.CATALOGUE, "FMCCatalogue", "CATALOGUE", errors);
    this.#tracker = offerOf(values.TRACKER, "FMCMobilityTracker", "TRACKER", errors);
    this.#text = splitSpaces(unquote(values.POLICY)).join(" ");
  }

  override async initialize(errors: ErrorSink): Promise<void> {
    const { catalogue } = this.#catalogue!;
    const tracker = this.#tracker!;
    await this.#find(this.#text);
    const found = this.#policies.get(this.#text);
    if (found !== null && found !== undefined && "error" in found) errors.error(`POLICY: ${found.error}`);
    for (const { name, policy } of catalogue.all("service")) {
      if (policy === null) continue;
      await this.#find(policy);
      const own = this.#policies.get(policy);
      if (own !== null && own !== undefined && "error" in own)
        errors.error(`service '${name}': ${own.error}`);
    }
    this.#decider = new Decider(
      {
        clock: this.router.clock,
        catalogue,
        user: (name) => tracker.user(name),
        timer: (fire) => this.#timers.timer(fire),
        keep: this.#values!.KEEP,
        patience: this.#values!.PATIENCE * 1e9,
        number: () => {
          this.#last = this.#catalogue!.nextNumber("decision");
          return this.#last;
        },
        policy: (service) => this.#policyFor(service),
      },
      {
        decided: (decision) => this.#listeners.tell(decision),
        count: (name) => this.#count(name),
      },
    );
    tracker.onMove((move) => this.#decider!.moved(move));
    tracker.onRelabel((user) => this.#decider!.takeUp(user));
    this.#catalogue!.onChange((change) => {
      const policy = change.kind === "service" ? catalogue.get("service", change.name)?.policy : null;
      if (typeof policy === "string") void this.#find(policy);
      this.#decider!.catalogueChanged(change);
    });
    this.#takeUp();
  }

  /** Users that are somewhere already, some at a time. */
  #takeUp(): void {
    const users = this.#catalogue!.catalogue.all("user");
    const timer = this.#timers.timer(() => {
      for (let i = 0; i < SLICE; i++) {
        const { done, value } = users.next();
        if (done) return;
        this.#decider!.takeUp(value.name);
      }
      timer.scheduleAfter(0);
    });
    timer.scheduleAfter(0);
  }

  override takeState(old: Element): void {
    if (!(old instanceof FMCDecision)) return;
    this.#last = old.#last;
    this.#decider!.takeFrom(old.#decider!);
  }

  // ---- Policies --------------------------------------------------------------------

  /** Loads a policy, where that was not done. */
  async #find(text: string): Promise<void> {
    if (this.#policies.has(text)) return;
    this.#policies.set(text, null);
    const { loader } = this.router.options;
    const source: PolicySource = {
      part: (kind, name) => loader.part?.(kind, name) ?? null,
      parts: (kind) => loader.parts?.(kind) ?? [],
    };
    try {
      this.#policies.set(text, { policy: await findPolicy(text, source) });
    } catch (e) {
      if (!(e instanceof PolicyError)) throw e;
      this.#policies.set(text, { error: e.message });
      this.#count("policy_missing");
    }
  }

  /** The service's own policy; POLICY where that is none, or not there. */
  #policyFor(service: string): ReturnType<ConstructorParameters<typeof Decider>[0]["policy"]> {
    const own = this.#catalogue!.catalogue.get("service", service)?.policy ?? null;
    const found = own === null ? undefined : this.#policies.get(own);
    if (own !== null && found !== null && found !== undefined && "policy" in found)
      return { policy: found.policy, text: own, note: "" };
    if (own !== null && found === undefined) void this.#find(own);
    const usual = this.#policies.get(this.#text) as { readonly policy: Policy };
    const why =
      found !== null && found !== undefined && "error" in found ? found.error : "it is not loaded yet";
    return {
      policy: usual.policy,
      text: this.#text,
      note: own === null ? "" : `not by its own policy: ${why}`,
    };
  }

  #count(name: keyof typeof FMCDecision.spec.counters): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  // ---- For others, and handlers ----------------------------------------------------

  onDecision(listener: (decision: Decision) => void): () => void {
    return this.#listeners.add(listener);
  }

  finished(number: number, vm: string, outcome: Exclude<Outcome, "decided">, why = ""): void {
    this.#decider!.finished(number, vm, outcome, why);
  }

  override handlers(): Record<string, HandlerCode> {
    const lines = (text: string, line: (decision: KeptDecision) => string): string =>
      linesOf(this.#decider!.decisions(numberIn(text) ?? undefined), line, ({ number }) => String(number));
    return {
      decisions: { read: (text) => lines(text, decisionLine) },
      decisions_json: { read: (text) => lines(text, decisionJson) },
      why: { read: (text) => this.#why(numberIn(text) ?? this.#last) },
      pending: {
        read: () =>
          [...this.#decider!.reservations.all()].map((r) => `${r.vm} ${r.to} ${r.decision}\n`).join(""),
      },
      waiting: { read: () => this.#decider!.waiting },
      policies: { read: () => this.#policyTexts() },
      decide: {
        write: (text) => asHandlerError(() => this.#decider!.ask(text.trim()), CatalogueError),
      },
      migrate: { write: (text) => this.#migrate(text) },
    };
  }

  #why(number: number): string {
    const decision = this.#decider!.get(number);
    if (decision === null)
      throw new HandlerError("FAILED", `decision ${number} is not kept, or was never made`);
    return whyText(decision);
  }

  #migrate(text: string): void {
    const [vm = "", dc = "", ...words] = splitSpaces(text);
    if (dc === "") throw new HandlerError("FAILED", "expected 'VM DC [WHY]'");
    const why = words.length === 0 ? "an operator's order" : words.join(" ").slice(0, 1000);
    asHandlerError(() => this.#decider!.order(vm, dc, why), CatalogueError);
  }

  #policyTexts(): string {
    const own = Object.entries(OWN_POLICIES).map(([name, { spec }]) => {
      const given = Object.entries(spec.args).map(([arg, { default: value = "" }]) => ` ${arg} ${value}`);
      return `${name}${given.join("")}: ${spec.doc}\n`;
    });
    const others = this.router.options.loader.parts?.("policies") ?? [];
    return [...own, ...others.map((name) => `${name}: of a package\n`)].join("");
  }
}

/** The number that a handler was asked for; null: none. */
function numberIn(text: string): number | null {
  const word = text.trim();
  if (word === "") return null;
  if (!/^\d{1,15}$/.test(word))
    throw new HandlerError("FAILED", `'${word.slice(0, 40)}' is not a decision's number`);
  return Number(word);
}
