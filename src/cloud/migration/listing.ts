// Migrations as handlers show them.

import { addressText } from "../../net/address.js";
import { eidText } from "../../net/eid.js";
import { hostPrefix } from "../../net/prefix.js";
import type { Migrations } from "./migrations.js";
import type { MigrationRecord, Step } from "./record.js";

/** Number, virtual machine, from, to, arm, state, bytes and rounds sent, why. */
export function migrationLine(record: MigrationRecord, migrations: Migrations): string {
  const { number, vm, from, to, arm, state, reason, back } = record;
  const { bytes, rounds } = migrations.progress(record.id);
  const why = back === null ? reason : `${back.code} ${back.from}: ${back.reason}`;
  return `${number} ${vm} ${from} ${to} ${arm} ${state} ${bytes} ${rounds} ${why}\n`;
}

export function migrationJson(record: MigrationRecord, migrations: Migrations): string {
  const { eids, rlocs, history, ...rest } = record;
  const shown = {
    ...rest,
    ...migrations.progress(record.id),
    eids: eids.map(({ iid, address }) => eidText({ iid, eid: hostPrefix(address) })),
    rlocs: { source: rlocs.source.map(addressText), target: rlocs.target.map(addressText) },
    history,
  };
  return `${JSON.stringify(shown)}\n`;
}

/** Seconds since the first step, state, from whom, name in the paper or -, what. */
export function historyText({ history }: MigrationRecord): string {
  const first = history[0]?.at ?? 0;
  const line = ({ at, state, from, item, what }: Step): string =>
    `${((at - first) / 1000).toFixed(3)} ${state} ${from.replaceAll(" ", ":")} ${item.replaceAll(" ", ",") || "-"} ${what}\n`;
  return history.map(line).join("");
}
