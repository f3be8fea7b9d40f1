import { LargeMap } from "../../../src/collections/large-map.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import { EchoAnswers, type EchoWorld } from "../../../src/lisp/data-plane/echo-answers.js";
import { EchoRequests } from "../../../src/lisp/data-plane/echo-requests.js";
import type {
  DecapOffer,
  MapCacheOffer,
  ResolverOffer,
  RlocProberOffer,
} from "../../../src/lisp/offers/lisp-offers.js";
import { SLICE, SLICE_REST } from "../../../src/lisp/slice.js";
import type { PeerNews } from "../../../src/lisp/tables/peer-table.js";
import { addressText } from "../../../src/net/address.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import type { HandlerCode } from "../../../src/router/handler.js";
import { offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import type { Timer } from "../../../src/router/timer.js";
import { TimerGroup } from "../../../src/router/timer-group.js";

const args = {
  CACHE: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPMapCache whose locators are asked",
  },
  DECAP: { type: "element", required: true, doc: "the LISPDecap, which remembers its PEERS" },
  RESOLVER: {
    type: "element",
    doc: "the LISPResolver whose Map-Replies say which sites echo nonces (E bit)",
  },
  PROBER: { type: "element", doc: "the LISPRLOCProber that verifies what does not echo" },
  ACTIVE: {
    type: "bool",
    default: "false",
    doc: "echo nonces and ask for echoes; only where all peers are trusted",
  },
  REQUEST: {
    type: "choice",
    choices: ["capable", "all", "none"],
    default: "capable",
    doc: "whom to ask: locators of Map-Replies with the E bit, all (who does not echo will be taken for down), nobody",
  },
  INTERVAL: { type: "seconds", default: "10", doc: "time between two requests to a locator" },
  TIMEOUT: {
    type: "seconds",
    default: "4",
    doc: "wait for the echo, at least four times what the way there and back takes; below INTERVAL",
  },
  RETRY: { type: "seconds", default: "60", doc: "when a locator that was found down is tried again" },
  HOLD: { type: "seconds", default: "3", doc: "how long a nonce is echoed after it was last asked for" },
} as const;

/** Most nonces of others that are echoed at once. */
const ANSWERS = 1024;

/**
 * Finds out with data packets which locators can be reached: the echo-nonce algorithm (RFC 9300, section 10.1).
 *
 * With ACTIVE, what DECAP's peers ask to have echoed (N and E bits) goes back in the packets that are encapsulated to
 * them (N bit), until HOLD after they asked last. And every INTERVAL locators with traffic both ways are asked: packets
 * there carry a nonce and the E bit until it comes back, at most for TIMEOUT. A locator that did not echo though packets
 * went there in the first half of TIMEOUT and others came from there in the second is not reachable: PROBER probes it
 * now, and decides; where it is not probed it is taken for down, and flows move. After RETRY it is used again, and asked.
 * Without traffic both ways nothing is concluded. Where both ends ask at once, the one with the lesser nonce rests.
 *
 * Only those are asked whose Map-Replies said that they echo; the ETR must be the device that sends the traffic back.
 * Nonces take the place of Map-Versions in the header. Whoever can send us packets from another's address can lie:
 * for trusted networks only (section 16).
 *
 * @example
 * Idle -> cache :: LISPMapCache(192.168.2.0/24 192.0.2.2) -> LISPEncap(192.0.2.1) -> Discard;
 * Idle -> decap :: LISPDecap(PEERS 16) -> Discard;
 * LISPEchoNonce(cache, DECAP decap, ACTIVE true, REQUEST all)
 * @see LISPMapCache, LISPDecap, LISPEncap, LISPRLOCProber, LISPMapReplier
 */
export class LISPEchoNonce extends Element {
  static readonly spec = {
    ports: "0/0",
    args,
    counters: {
      requests: "echoes asked for",
      echoes: "nonces of ours that came back",
      answers: "nonces of others that were echoed",
      verified: "locators that did not echo and were probed",
      downs: "times that a locator went down",
    },
    drops: { full: "a nonce that is not echoed, as too many others are" },
    handlers: {
      table: { read: true, doc: "every RLOC in question: address, asking, answering or down" },
    },
  } as const satisfies ElementSpec;

  readonly #timers = new TimerGroup(this);
  readonly #round: Timer = this.newTimer(() => this.#step());
  #answers: EchoAnswers | null = null;
  #requests: EchoRequests | null = null;
  /** Locators whose sites say that they echo nonces. */
  readonly #capable = new LargeMap<string, Uint8Array>();
  /** Which of them is looked at next, to see whether a mapping names it still. */
  #looking: Iterator<[string, Uint8Array]> | null = null;
  #cache: MapCacheOffer | null = null;
  #decap: DecapOffer | null = null;
  #resolver: ResolverOffer | null = null;
  #prober: RlocProberOffer | null = null;
  #active = false;
  #request = "capable";
  /** RLOCs whose packets still carry what an element before a hot swap wanted said. */
  #left: Iterator<Uint8Array> | null = null;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#cache = offerOf(values.CACHE, "LISPMapCache", "CACHE", errors);
    this.#decap = offerOf(values.DECAP, "LISPDecap", "DECAP", errors);
    this.#resolver = offerOf(values.RESOLVER, "LISPResolver", "RESOLVER", errors);
    this.#prober = offerOf(values.PROBER, "LISPRLOCProber", "PROBER", errors);
    this.#active = values.ACTIVE;
    this.#request = values.REQUEST;
    if (values.TIMEOUT <= 0 || values.TIMEOUT >= values.INTERVAL)
      errors.error("TIMEOUT must be above 0 and below INTERVAL");
    const world = (): EchoWorld => ({ cache: this.#cache!.cache, peers: this.#decap!.peers! });
    const isAsking = (name: string): boolean => this.#requests!.isAsking(name);
    this.#answers = new EchoAnswers(world, this.#timers, values.HOLD * 1e9, ANSWERS, isAsking);
    const policy = {
      interval: values.INTERVAL * 1e9,
      timeout: values.TIMEOUT * 1e9,
      retry: values.RETRY * 1e9,
    };
    this.#requests = new EchoRequests(world, this.router, policy, {
      mayAsk: (name) => this.#request === "all" || (this.#request === "capable" && this.#capable.has(name)),
      othersNonce: (name) => this.#answers!.nonce(name),
      finished: (rloc) => this.#answers!.resume(rloc),
      requested: () => this.#count("requests"),
      missing: (rloc) => this.#verify(rloc),
      down: () => this.#count("downs"),
    });
  }

  override initialize(errors: ErrorSink): void {
    if (!this.#active) return;
    if (this.#decap!.peers === null) {
      errors.error("DECAP does not remember its PEERS");
      return;
    }
    this.#decap!.onPeer((news) => this.#heard(news));
    this.#cache!.onInsert((mapping) => {
      this.#requests!.mapped(mapping);
      this.#answers!.mapped(mapping);
    });
    this.#resolver?.onInstall((mapping, echoes) => {
      for (const { rloc } of mapping.locators) {
        if (echoes) this.#capable.set(addressText(rloc), rloc);
        else this.#capable.delete(addressText(rloc));
      }
    });
    this.#round.scheduleAfter(0);
  }

  /** What was found down stays so, and what sites said of themselves. */
  override takeState(old: Element): void {
    if (!(old instanceof LISPEchoNonce)) return;
    this.#requests!.adopt(old.#requests!);
    for (const [name, rloc] of old.#capable) this.#capable.set(name, rloc);
    this.#left = inQuestion(old.#answers!, old.#requests!);
    if (!this.#active) this.#round.scheduleAfter(0);
  }

  #step(): void {
    if (this.#left !== null && !this.#tidy(this.#left)) this.#round.scheduleAfter(SLICE_REST);
    else if (this.#active) {
      this.#lookRound();
      this.#round.scheduleAfter(this.#requests!.step());
    }
  }

  /** Has packets to some RLOCs carry nothing special again; returns whether that is done. */
  #tidy(left: Iterator<Uint8Array>): boolean {
    const { cache } = this.#cache!;
    for (let i = 0; i < SLICE; i++) {
      const { done, value } = left.next();
      if (done) {
        this.#left = null;
        return true;
      }
      cache.updateRloc(value, { echo: null, ...(this.#active ? {} : { down: false }) });
    }
    return false;
  }

  /** What no mapping names any more may as well be asked for anew: a few are looked at each time. */
  #lookRound(): void {
    const { cache } = this.#cache!;
    this.#looking ??= this.#capable.entries();
    for (let i = 0; i < SLICE && this.#looking !== null; i++) {
      const { done, value } = this.#looking.next();
      if (done) this.#looking = null;
      else if (cache.traffic(value[1]) === null) this.#capable.delete(value[0]);
    }
  }

  #heard({ peer, fresh, echoRequested, echoed }: PeerNews): void {
    if (fresh) this.#requests!.appeared(peer);
    if (echoed && this.#requests!.echoed(peer)) this.#count("echoes");
    if (!echoRequested) return;
    this.#requests!.giveWay(addressText(peer.rloc), peer.nonce);
    this.#count(this.#answers!.ask(peer) ? "answers" : "full");
  }

  #verify(rloc: Uint8Array): boolean {
    if (this.#prober?.verify(rloc) !== true) return false;
    this.#count("verified");
    return true;
  }

  #count(name: keyof typeof LISPEchoNonce.spec.counters | keyof typeof LISPEchoNonce.spec.drops): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  // ---- Handlers --------------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    return {
      table: {
        read: () => {
          const state = (name: string): string => {
            if (this.#requests!.isAsking(name)) return "asking";
            return this.#answers!.nonce(name) === null ? this.#requests!.state(name)! : "answering";
          };
          return [...inQuestion(this.#answers!, this.#requests!)]
            .map(addressText)
            .map((name) => `${name} ${state(name)}\n`)
            .join("");
        },
      },
    };
  }
}

/** RLOCs whose packets carry something special, or that are down. */
function* inQuestion(answers: EchoAnswers, requests: EchoRequests): IterableIterator<Uint8Array> {
  yield* requests.rlocs();
  for (const rloc of answers.rlocs()) if (requests.state(addressText(rloc)) === null) yield rloc;
}
