// What operators read and write of the hosts of a site.

import { splitSpaces } from "../../lang/args/text.js";
import { addressText } from "../../net/address.js";
import { findMac } from "../../net/mac.js";
import { hostPrefix } from "../../net/prefix.js";
import type { Clock } from "../../router/clock.js";
import { asHandlerError, type HandlerCode, HandlerError, handlerValue } from "../../router/handler.js";
import { type Mapping, MappingError, mappingText, parseMapping, parseRloc } from "../mapping.js";
import type { ArmedHosts } from "./armed-hosts.js";
import type { ExpectedHosts } from "./expected-hosts.js";
import type { HostMoves } from "./host-moves.js";
import type { MobileHosts } from "./hosts.js";
import { hostText } from "./mobile-host.js";
import type { DynamicRange } from "./ranges.js";
import type { ToldMoves } from "./told-moves.js";

export interface HandlersOptions {
  readonly clock: Clock;
  readonly iid: number;
  /** Seconds for which the mapping of a host that has left is kept. */
  readonly ttl: number;
  readonly ranges: readonly DynamicRange[];
  readonly hosts: MobileHosts;
  readonly moves: HostMoves;
  readonly expected: ExpectedHosts;
  readonly armed: ArmedHosts;
  readonly told: ToldMoves;
}

/** The handlers of LISPMobility, but for its counters. */
export function mobilityHandlers(options: HandlersOptions): Record<string, HandlerCode> {
  const { clock, iid, ttl, ranges, hosts, moves, expected, armed, told } = options;
  const left = (until: number): string => ((until - clock.now()) / 1e9).toFixed(3);

  const eidOf = (text: string): Uint8Array => {
    if (ranges.length === 0) throw new HandlerError("FAILED", "there are no dynamic-EID ranges");
    return asHandlerError(() => parseRloc(text), MappingError);
  };
  const rangedEid = (text: string): Uint8Array => {
    const eid = eidOf(text);
    if (!moves.inRange(eid)) throw new HandlerError("FAILED", `${text} is in no dynamic-EID range`);
    return eid;
  };
  /** Of `EID RLOC...`. */
  const mappingOf = (text: string): Mapping => {
    const mapping = asHandlerError(() => parseMapping(text, iid), MappingError);
    if (mapping.locators.length === 0) throw new HandlerError("FAILED", "expected an RLOC");
    return mapping;
  };
  const done = (did: boolean, else_: string): void => {
    if (!did) throw new HandlerError("FAILED", else_);
  };

  return {
    table: { read: () => [...hosts.entries()].map((host) => hostText(host, clock.now())).join("") },
    asking: { read: () => hosts.asked },
    expected: {
      read: () =>
        [...expected.entries()]
          .map((e) => `${addressText(e.eid)} ${left(e.timer.expiry)} ${e.to.length} ${e.from.length}\n`)
          .join(""),
    },
    armed: {
      read: () =>
        [...armed.entries()]
          .map(({ eid, locators, until }) => {
            const mapping = {
              iid,
              eid: hostPrefix(eid),
              ttl: null,
              action: "no-action",
              version: 0,
            } as const;
            return `${addressText(eid)} ${left(until)} ${mappingText({ ...mapping, locators })}\n`;
          })
          .join(""),
    },
    add: {
      write: (text) => {
        const eid = rangedEid(text.trim());
        if (moves.home(eid) && hosts.get(eid) === null) return;
        done(hosts.arrive(eid, null), "as many hosts are known as may be");
      },
    },
    remove: {
      write: (text) =>
        done(hosts.remove(eidOf(text.trim())), `${text.trim()} is no mobile host that is known`),
    },
    away: {
      write: (text) => {
        const [address = ""] = splitSpaces(text);
        const eid = eidOf(address);
        const mapping = { ...mappingOf(text.trim()), ttl };
        done(hosts.moved(eid, mapping), `${address} is not of this site, and was not here`);
      },
    },
    expect: {
      write: (text) => {
        const [address = "", seconds = ""] = splitSpaces(text);
        const eid = rangedEid(address);
        const room = "as many are expected as may be, or packets cannot be held (input 3, output 1)";
        done(told.expect(eid, patience(seconds)), room);
      },
    },
    claim: {
      write: (text) => {
        const [address = "", ether] = splitSpaces(text);
        const eid = rangedEid(address);
        const mac = ether === undefined ? null : findMac(ether);
        if (ether !== undefined && (mac === null || (mac[0] & 1) !== 0))
          throw new HandlerError("FAILED", `'${ether}' is no hardware address of one host`);
        done(told.claim(eid, mac), "there is no room for another host");
      },
    },
    arm: {
      write: (text) => {
        const [address = "", seconds = "", ...rlocs] = splitSpaces(text);
        const eid = rangedEid(address);
        const { locators } = mappingOf([address, ...rlocs].join(" "));
        done(told.arm(eid, locators, patience(seconds)), "no room, or no RLOC of others that may be used");
      },
    },
    release: {
      write: (text) => {
        const [address = "", ...rlocs] = splitSpaces(text);
        const eid = eidOf(address);
        const locators = rlocs.length === 0 ? null : mappingOf(text.trim()).locators;
        const why = "is not here, or nobody has said where it goes, or there is no room";
        done(told.release(eid, locators), `${address} ${why}`);
      },
    },
    cancel: { write: (text) => told.cancel(eidOf(text.trim())) },
  };
}

/** Seconds, more than 0. */
function patience(text: string): number {
  const seconds = handlerValue({ type: "seconds", doc: "" }, text, `'${text}' is no time`);
  if (seconds === 0) throw new HandlerError("FAILED", "a time of 0");
  return seconds;
}
