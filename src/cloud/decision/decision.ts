// A decision, as it is told to those who carry it out, kept, and shown.

import type { Reason } from "./policy.js";

export interface DecidedTransfer {
  readonly vm: string;
  readonly from: string;
  readonly to: string;
}

/** `decided`: nobody has said what became of it. */
export type Outcome = "decided" | "done" | "failed" | "cancelled" | "replaced" | "expired";

export interface Decision {
  /** From 1 on, no two the same over restarts either where the catalogue has a store. */
  readonly number: number;
  /** Steady nanoseconds of the router's clock. */
  readonly at: number;
  /** `drained`: a data centre is to be rid of its virtual machines. `ordered`: an operator has said where to. */
  readonly reason: Reason | "drained" | "ordered";
  readonly user: string | null;
  readonly service: string;
  /** As it is configured; null where none was asked. */
  readonly policy: string | null;
  /** Empty: all stay. */
  readonly transfers: readonly DecidedTransfer[];
  readonly why: string;
}

/** A decision, and what has become of each of its transfers. */
export interface KeptDecision extends Decision {
  readonly outcomes: readonly { readonly outcome: Outcome; readonly why: string; readonly at: number }[];
}

const seconds = (at: number): string => (at / 1e9).toFixed(3);

/** `12 58.003 moved alice video migrate video1:dc1>dc2 WHY`: number, second, reason, user, service, what, why. */
export function decisionLine({ number, at, reason, user, service, transfers, why }: Decision): string {
  const moves = transfers.map(({ vm, from, to }) => `${vm}:${from}>${to}`).join(",");
  const what = transfers.length === 0 ? "stay -" : `migrate ${moves}`;
  return `${number} ${seconds(at)} ${reason} ${user ?? "-"} ${service} ${what} ${why}\n`;
}

export function decisionJson({ at, outcomes, ...decision }: KeptDecision): string {
  return `${JSON.stringify({
    ...decision,
    seconds: at / 1e9,
    outcomes: outcomes.map((o) => ({ ...o, at: undefined, seconds: o.at / 1e9 })),
  })}\n`;
}

/** All that is known of one decision, a thing a line. */
export function whyText(d: KeptDecision): string {
  const lines = [
    `decision ${d.number} at ${seconds(d.at)} s`,
    `service ${d.service}${d.user === null ? "" : `, user ${d.user}`}: ${d.reason}`,
    d.policy === null ? "no policy was asked" : `policy ${d.policy}`,
    d.transfers.length === 0 ? "all stay" : "",
    ...d.transfers.map(({ vm, from, to }, i) => {
      const { outcome, why, at } = d.outcomes[i];
      const then = outcome === "decided" ? "" : ` at ${seconds(at)} s`;
      return `${vm} from ${from} to ${to}: ${outcome}${then}${why === "" ? "" : `, ${why}`}`;
    }),
    `because ${d.why}`,
  ];
  return lines
    .filter((line) => line !== "")
    .map((line) => `${line}\n`)
    .join("");
}
