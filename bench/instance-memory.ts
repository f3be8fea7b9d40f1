// What instances take of memory: as many as the second argument says, of the kind that the first one names, in a process
// of their own, where nothing that ran before them has left room. Prints bytes. Run by instance-boots.ts.

import { collector } from "./allocation.js";
import { resident } from "./instance-boots.js";
import { type Booted, bootInline, EMPTY, Hand, OWN_RLOCS, sharedParts, xtr } from "./instance-lab.js";

const [name, count] = process.argv.slice(2);
const subject = [xtr(), { ...xtr(), ...OWN_RLOCS }, EMPTY].find((s) => s.name === name)!;
const [hand, shared, gc] = [new Hand(), sharedParts(), collector()];
// The code, and what instances share, is not theirs.
for (let i = 0; i < 20; i++) await (await bootInline(hand, shared, subject, i)).close();
gc();
const before = resident();
const all: Booted[] = [];
while (all.length < Number(count)) all.push(await bootInline(hand, shared, subject, all.length));
gc();
process.stdout.write(String(resident() - before));
for (const booted of all) await booted.close();
