// The hypervisor of an agent in a thread or process: what its graph asks crosses to the manager and back, events come
// from there, and so does what its carrier of streams is to do.

import { type Hypervisor, HypervisorError, type HypervisorEvent } from "../../cloud/hypervisor.js";
import type { MigrationStreams, StreamCarrier, StreamEvents } from "../../cloud/migration-streams.js";
import { Listeners } from "../../router/listeners.js";
import type { AgentSite } from "./agent-site.js";
import { type PlainError, plainError } from "./plain-error.js";

const VERBS = ["status", "guests", "prepareIncoming", "migrate", "cancel"] as const;
type Verb = (typeof VERBS)[number];
const TOLD = ["accepted", "opened", "sent", "received", "ended", "closed"] as const;
type Told = (typeof TOLD)[number];
const ORDERS = ["open", "send", "finish", "abort"] as const;
type Order = (typeof ORDERS)[number];

/** From the instance to the manager. */
export type FromSite =
  | {
      readonly type: "site-ask";
      readonly id: number;
      readonly verb: Verb;
      readonly words: readonly unknown[];
    }
  /** Every event from now on. */
  | { readonly type: "site-watch" }
  | {
      readonly type: "site-carry";
      readonly carrier: number;
      readonly address: Uint8Array;
      readonly port: number;
    }
  | {
      readonly type: "site-told";
      readonly carrier: number;
      readonly told: Told;
      readonly words: readonly unknown[];
    };

/** From the manager to the instance. */
export type ToSite =
  | { readonly type: "site-answer"; readonly id: number; readonly reply: unknown }
  | { readonly type: "site-no"; readonly id: number; readonly error: PlainError }
  | { readonly type: "site-event"; readonly event: HypervisorEvent }
  | {
      readonly type: "site-order";
      readonly carrier: number;
      readonly order: Order;
      readonly words: readonly unknown[];
    };

/** Whether a message is one of these. */
export function isFromSite(message: { readonly type: string }): message is FromSite {
  return message.type.startsWith("site-");
}
export function isToSite(message: { readonly type: string }): message is ToSite {
  return message.type.startsWith("site-");
}

type Call = (...words: readonly unknown[]) => unknown;

/** The instance's side. */
export class RemoteSite implements AgentSite {
  readonly hypervisor: Hypervisor;
  readonly streams: MigrationStreams;
  readonly #post: (message: FromSite) => void;
  readonly #asked = new Map<
    number,
    { readonly resolve: (reply: never) => void; readonly reject: (e: Error) => void }
  >();
  readonly #listeners: Listeners<[event: HypervisorEvent]>;
  readonly #carriers = new Map<number, StreamCarrier>();
  #watched = false;
  #id = 0;
  #count = 0;

  constructor(post: (message: FromSite) => void, log: (line: string) => void) {
    this.#post = post;
    this.#listeners = new Listeners("a hypervisor's events", log);
    this.hypervisor = {
      status: () => this.#ask("status"),
      guests: () => this.#ask("guests"),
      prepareIncoming: (...words) => this.#ask("prepareIncoming", ...words),
      migrate: (...words) => this.#ask("migrate", ...words),
      cancel: (...words) => this.#ask("cancel", ...words),
      onEvent: (listener) => this.#watch(listener),
      close: () => {},
    };
    this.streams = { carry: (carrier) => this.#carry(carrier) };
  }

  #ask<T>(verb: Verb, ...words: readonly unknown[]): Promise<T> {
    const id = ++this.#id;
    return new Promise<T>((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#post({ type: "site-ask", id, verb, words });
    });
  }

  #watch(listener: (event: HypervisorEvent) => void): () => void {
    if (!this.#watched) this.#post({ type: "site-watch" });
    this.#watched = true;
    return this.#listeners.add(listener);
  }

  #carry(carrier: StreamCarrier): StreamEvents {
    const number = ++this.#count;
    this.#carriers.set(number, carrier);
    this.#post({ type: "site-carry", carrier: number, address: carrier.address, port: carrier.port });
    const tell =
      (told: Told): Call =>
      (...words) => {
        if (told === "closed") this.#carriers.delete(number);
        this.#post({ type: "site-told", carrier: number, told, words });
      };
    return Object.fromEntries(TOLD.map((told) => [told, tell(told)])) as unknown as StreamEvents;
  }

  /** To be called with every such message that the manager sends. */
  receive(message: ToSite): void {
    switch (message.type) {
      case "site-event":
        this.#listeners.tell(message.event);
        return;
      case "site-order": {
        const carrier = this.#carriers.get(message.carrier);
        if (carrier !== undefined) (carrier[message.order] as Call)(...message.words);
        return;
      }
      default: {
        const asked = this.#asked.get(message.id);
        this.#asked.delete(message.id);
        if (message.type === "site-answer") asked?.resolve(message.reply as never);
        else asked?.reject(new HypervisorError(message.error.code || "FAILED", message.error.message));
      }
    }
  }
}

/** The manager's side; `site`: null for a function that is no agent. */
export class SiteDesk {
  readonly #site: AgentSite | null;
  readonly #post: (message: ToSite) => void;
  readonly #carried = new Map<number, StreamEvents>();
  #unwatch: (() => void) | null = null;

  constructor(site: AgentSite | null, post: (message: ToSite) => void) {
    this.#site = site;
    this.#post = post;
  }

  receive(message: FromSite): void {
    const site = this.#site;
    if (site === null) {
      if (message.type !== "site-ask") return;
      const error = plainError(new HypervisorError("DENIED", "this function is the agent of no hypervisor"));
      this.#post({ type: "site-no", id: message.id, error });
      return;
    }
    switch (message.type) {
      case "site-ask":
        void this.#answer(site.hypervisor, message);
        return;
      case "site-watch":
        this.#unwatch ??= site.hypervisor.onEvent((event) => this.#post({ type: "site-event", event }));
        return;
      case "site-carry": {
        const { carrier, address, port } = message;
        const order =
          (name: Order): Call =>
          (...words) =>
            this.#post({ type: "site-order", carrier, order: name, words });
        const orders = Object.fromEntries(ORDERS.map((name) => [name, order(name)]));
        this.#carried.set(
          carrier,
          site.streams.carry({ address, port, ...orders } as unknown as StreamCarrier),
        );
        return;
      }
      case "site-told": {
        const events = this.#carried.get(message.carrier);
        if (events === undefined || !TOLD.includes(message.told)) return;
        if (message.told === "closed") this.#carried.delete(message.carrier);
        (events[message.told] as Call)(...message.words);
      }
    }
  }

  async #answer(hypervisor: Hypervisor, { id, verb, words }: FromSite & { type: "site-ask" }): Promise<void> {
    try {
      if (!VERBS.includes(verb)) throw new HypervisorError("FAILED", `a hypervisor does not '${verb}'`);
      const reply = await (hypervisor[verb] as (...words: readonly unknown[]) => Promise<unknown>)(...words);
      this.#post({ type: "site-answer", id, reply });
    } catch (e) {
      this.#post({ type: "site-no", id, error: plainError(e) });
    }
  }

  /** The instance has ended: what it carried is carried no more. */
  close(): void {
    this.#unwatch?.();
    for (const events of this.#carried.values()) events.closed();
    this.#carried.clear();
  }
}
