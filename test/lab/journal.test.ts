// The file that keeps rows: what is in it comes back, what is damaged does not, and costs nothing else.

import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LabError } from "../../src/lab/experiment.js";
import { Journal, journalKey, resultsFolder } from "../../src/lab/journal.js";
import { experiment as coins } from "./coins.js";

const root = mkdtempSync(join(tmpdir(), "sluice-lab-"));
test.after(() => rmSync(root, { recursive: true, force: true }));

const KEY = "0123456789abcdef";
const ROWS = [
  { side: "heads", count: 51 },
  { side: "tails", count: null },
];
let folders = 0;
const folder = (): string => join(root, `f${folders++}`, "deep");
const open = (where: string, key = KEY): Promise<Journal> => Journal.open(where, coins, "simulated", key);

/** A journal with runs "a", "b", "c"; its file. */
async function filled(where: string): Promise<string> {
  const journal = await open(where);
  for (const id of ["a", "b", "c"]) journal.add(id, ROWS);
  journal.close();
  return journal.file;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (e) {
    assert.ok(e instanceof LabError, String(e));
    assert.is((e as LabError).code, "RESULTS");
    return (e as Error).message;
  }
  throw new Error("it was not refused");
}

test("rows come back as they were", async () => {
  const where = folder();
  await filled(where);
  const journal = await open(where);
  assert.equal(journal.rows("b"), ROWS);
  assert.is(journal.rows("d"), undefined);
  assert.is(journal.damage, null);
  journal.close();
});

test("a line that was changed, cut or is none is told, and the others are kept", async () => {
  const where = folder();
  const file = await filled(where);
  const lines = readFileSync(file, "utf8").split("\n");
  lines[1] = lines[1].replace("51", "57");
  writeFileSync(file, `${lines.join("\n")}\0\xffrubbish\n${lines[0].slice(0, 40)}`);
  const journal = await open(where);
  assert.equal(journal.damage!.lines, [2, 4, 5]);
  assert.equal(
    ["a", "b", "c"].map((id) => journal.rows(id) !== undefined),
    [true, false, true],
  );
  assert.match(readFileSync(journal.damage!.kept, "utf8"), /57/);
  journal.add("b", ROWS);
  journal.close();
  const again = await open(where);
  assert.is(again.damage, null);
  assert.equal(again.rows("b"), ROWS);
  again.close();
});

test("a last line without its end was not written in full", async () => {
  const where = folder();
  const file = await filled(where);
  writeFileSync(file, readFileSync(file, "utf8").trimEnd());
  const journal = await open(where);
  assert.equal(journal.damage!.lines, [3]);
  journal.close();
});

test("rows of another key are not seen, also when their lines are put in", async () => {
  const where = folder();
  const file = await filled(where);
  const other = await open(where, "fedcba9876543210");
  assert.is(other.rows("a"), undefined);
  other.close();
  appendFileSync(other.file, readFileSync(file));
  const mixed = await open(where, "fedcba9876543210");
  assert.equal(mixed.damage!.lines, [1, 2, 3]);
  assert.is(mixed.rows("a"), undefined);
  mixed.close();
});

test("clear forgets the rows and keeps the file aside", async () => {
  const where = folder();
  await filled(where);
  const journal = await open(where);
  journal.clear();
  assert.is(journal.rows("a"), undefined);
  journal.add("z", ROWS);
  journal.close();
  const again = await open(where);
  assert.is(again.rows("a"), undefined);
  assert.equal(again.rows("z"), ROWS);
  again.close();
  assert.ok(readdirSync(where).some((name) => name.endsWith(".old-1")));
});

test("two cannot write to one file", async () => {
  const where = folder();
  const journal = await open(where);
  assert.match(await refusal(open(where)), /runs already.*process \d+/);
  journal.close();
  (await open(where)).close();
});

test("a file that leads elsewhere, and a folder that is none, are refused", async () => {
  const where = folder();
  const file = await filled(where);
  rmSync(file);
  symlinkSync("/dev/null", file);
  assert.match(await refusal(open(where)), /symbolic link.*--out/);
  writeFileSync(join(root, "plain"), "");
  assert.match(await refusal(open(join(root, "plain", "x"))), /Not a directory|no folder/);
});

test("the key tells experiments and worlds from each other, and is the same for the same code", () => {
  const file = fileURLToPath(new URL("coins.js", import.meta.url));
  const key = journalKey(coins, file, "simulated");
  assert.is(journalKey(coins, file, "simulated"), key);
  assert.is.not(journalKey(coins, file, "real"), key);
  assert.is.not(journalKey({ ...coins, name: "notes" }, file, "simulated"), key);
  assert.is.not(journalKey(coins, fileURLToPath(import.meta.url), "simulated"), key);
});

test("results lie in the user's folder for state", () => {
  assert.is(resultsFolder({ XDG_STATE_HOME: "/x/y" }), "/x/y/sluice/lab");
  assert.match(resultsFolder({ XDG_STATE_HOME: "relative" }), /\.local\/state\/sluice\/lab$/);
});

test.run();
