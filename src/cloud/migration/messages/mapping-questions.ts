// What a controller asks the mapping system: Map-Requests to Map-Resolvers, and the Map-Replies to them.

import { mappingOfRecord, randomNonce } from "../../../lisp/control/control-records.js";
import { encapsulatedRequest } from "../../../lisp/control/map-requests.js";
import type { ServerList } from "../../../lisp/itr/server-list.js";
import { coversEid, type EidPrefix } from "../../../net/eid.js";
import type { Random } from "../../../router/random.js";
import type { Timer } from "../../../router/timer.js";
import type { EncapsulatedControlMessage } from "../../../wire/lisp-control/message.js";
import type { EidRecord } from "../../../wire/lisp-control/record.js";
import { MappingSystemError, type TimerSource } from "../seams.js";

export interface MappingQuestionsOptions {
  readonly timers: TimerSource;
  readonly random: Random;
  /** Our own addresses, one of each family: Map-Replies come there. */
  readonly rlocs: readonly Uint8Array[];
  readonly servers: ServerList;
  /** Puts a message on its way; false: there is no room for it. */
  readonly send: (
    source: Uint8Array,
    destination: Uint8Array,
    message: EncapsulatedControlMessage,
  ) => boolean;
  readonly count: (what: "requests" | "unanswered") => void;
}

interface Question {
  readonly eid: EidPrefix;
  readonly nonce: bigint;
  /** Index of the Map-Resolver that was asked last. */
  server: number;
  tries: number;
  readonly timer: Timer;
  readonly resolve: (rlocs: readonly Uint8Array[]) => void;
  readonly reject: (error: MappingSystemError) => void;
}

/** Nanoseconds from each time that it is asked to the next, or to giving it up. */
const WAITS = [0.1e9, 0.2e9, 0.4e9];
/** Questions that are out. */
const QUESTIONS_MAX = 4096;
/** Seconds that a mapping would be kept for do not matter here. */
const ANY_TTL = { positive: 0xffffffff, negative: 0xffffffff };
const UNUSED = 255;

export class MappingQuestions {
  readonly #options: MappingQuestionsOptions;
  readonly #questions = new Map<bigint, Question>();

  constructor(options: MappingQuestionsOptions) {
    this.#options = options;
  }

  /** Whether a Map-Reply with this nonce is awaited. */
  awaits(nonce: bigint): boolean {
    return this.#questions.has(nonce);
  }

  /** The RLOCs that the longest EID-prefix around `eid` is registered with; none: nobody has. Rejects with MappingSystemError. */
  ask(eid: EidPrefix): Promise<readonly Uint8Array[]> {
    const { servers, random, timers } = this.#options;
    return new Promise((resolve, reject) => {
      if (servers.none || this.#questions.size >= QUESTIONS_MAX) {
        const why = servers.none ? "there is no Map-Resolver to ask" : "too many questions are out";
        reject(new MappingSystemError("UNREACHABLE", why));
        return;
      }
      const nonce = randomNonce(random);
      const timer = timers.timer(() => this.#again(question));
      const question: Question = { eid, nonce, server: -1, tries: 0, timer, resolve, reject };
      this.#questions.set(nonce, question);
      this.#send(question);
    });
  }

  /** A Map-Reply to a question that is out; false: it says nothing about it, or nothing that can be used. */
  take(nonce: bigint, records: readonly EidRecord[]): boolean {
    const question = this.#questions.get(nonce);
    if (question === undefined) return false;
    const mappings = records.map((record) => mappingOfRecord(record, ANY_TTL));
    const found = mappings.find((mapping) => mapping !== null && coversEid(mapping, question.eid)) ?? null;
    if (found === null) return false;
    this.#end(question);
    this.#options.servers.answered(question.server);
    question.resolve(found.locators.filter(({ priority }) => priority < UNUSED).map(({ rloc }) => rloc));
    return true;
  }

  /** Nobody waits any more. */
  close(): void {
    for (const question of this.#questions.values()) question.timer.unschedule();
    this.#questions.clear();
  }

  #send(question: Question): void {
    const { servers, rlocs, send, count } = this.#options;
    question.server = servers.choose(question.server);
    const { address, source } = servers.at(question.server);
    servers.asked(question.server);
    const asked = { ...question.eid, source: null, smrInvoked: false };
    if (send(source, address, encapsulatedRequest(asked, question.nonce, rlocs, source, address)))
      count("requests");
    question.timer.scheduleAfter(WAITS[question.tries++]);
  }

  #again(question: Question): void {
    this.#options.servers.unanswered(question.server);
    if (question.tries < WAITS.length) {
      this.#send(question);
      return;
    }
    this.#end(question);
    this.#options.count("unanswered");
    question.reject(new MappingSystemError("UNREACHABLE", "no Map-Resolver answers"));
  }

  #end(question: Question): void {
    question.timer.unschedule();
    this.#questions.delete(question.nonce);
  }
}
