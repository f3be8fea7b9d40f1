// Runs the test files: one process a file, several at once, each with a time-out.
//
//   node dist/test/run.js [--root FOLDER] [SUBSTRING...]
//
// A file may ask for more time with `// timeout: 300` (seconds) in its first line.
// What uvu lets pass is a failure here: a file that never runs its tests, a
// substring that selects nothing, `test.only`, a process that does not end or
// leaves something behind (see outside.ts), and in CI a test skipped without a
// reason (see skip.ts for skips with one).

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { type Ending, summary, TestProcesses } from "./runner/test-process.js";
import { SKIP_LINE } from "./skip.js";

const DEFAULT_TIMEOUT = 300;
/** Files at once for each processor: those that run programs and real links wait half of their time. */
const AT_ONCE = 1.5;
/** Files named at the end with their times. */
const SLOWEST = 10;

interface TestFile {
  readonly path: string;
  /** Path below the root, without `.test.js`. */
  readonly name: string;
  readonly text: string;
  readonly timeout: number;
}

interface FileResult {
  readonly name: string;
  readonly passed: number;
  /** Failed tests, or 1 for a file that failed otherwise. */
  readonly failed: number;
  readonly skips: readonly string[];
  readonly seconds: number;
  readonly output: string;
  /** Why the file failed, beyond its own output. */
  readonly reasons: readonly string[];
}

function findTests(root: string): TestFile[] {
  const sources = resolve(root, "../../test");
  const compiled = root === dirname(fileURLToPath(import.meta.url));
  return (
    readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".test.js"))
      .sort()
      .flatMap((file) => {
        const source = join(sources, file.replace(/\.js$/, ".ts"));
        // What an earlier build left behind, its source removed since, is no test.
        if (compiled && !existsSync(source)) return [];
        const path = join(root, file);
        const text = readFileSync(compiled ? source : path, "utf8");
        const asked = /^\/\/ timeout: (\d+)[ \t\r]*$/m.exec(text.slice(0, text.indexOf("\n") + 1));
        const name = file.replaceAll(sep, "/").replace(/\.test\.js$/, "");
        return [{ path, name, text, timeout: asked === null ? DEFAULT_TIMEOUT : Number(asked[1]) }];
      })
      // The longest first: one that began last would run alone at the end.
      .sort((a, b) => b.timeout - a.timeout)
  );
}

function judge(file: TestFile, ending: Ending, seconds: number, ci: boolean): FileResult {
  const { output } = ending;
  const counts = summary(output);
  const skips = output.split("\n").filter((line) => SKIP_LINE.test(line));
  const reasons: string[] = [];
  if (ending.stopped !== null) reasons.push(ending.stopped);
  else if (ending.signal !== null) reasons.push(`ended by ${ending.signal}`);
  else if (counts === null) reasons.push("ran no tests to their end (is test.run() missing?)");
  else if (ending.status !== 0 && counts.passed === counts.total)
    reasons.push(`exit status ${ending.status}`);
  reasons.push(...ending.left);
  if (counts !== null && counts.total === 0 && skips.length === 0) reasons.push("holds no tests");
  const focused = /^\s*[\w$]+\.only\(/m.test(file.text);
  if (focused) reasons.push("uses test.only");
  else if (ci && counts !== null && counts.skipped > 0)
    reasons.push("skips tests without a reason (use skipUnless)");
  const broken = counts === null ? 0 : counts.total - counts.passed;
  return {
    name: file.name,
    passed: counts?.passed ?? 0,
    failed: broken > 0 ? broken : reasons.length > 0 ? 1 : 0,
    skips: [
      ...skips,
      ...Array.from({ length: focused ? 0 : (counts?.skipped ?? 0) }, () => "SKIP a test: no reason given"),
    ],
    seconds,
    output,
    reasons,
  };
}

function report(result: FileResult): void {
  const tests = result.passed + result.failed;
  const skipped = result.skips.length > 0 ? `, ${result.skips.length} skipped` : "";
  const mark = result.failed > 0 ? "FAIL" : "ok  ";
  console.log(`${mark} ${result.name} (${tests} tests${skipped}, ${result.seconds.toFixed(1)} s)`);
  if (result.failed === 0) return;
  console.log(result.output.replace(/^(?=.)/gm, "     ").trimEnd());
  for (const reason of result.reasons) console.log(`     ${result.name}: ${reason}`);
}

/** The slowest files, and the rooms' times: of files that run beside each other both count. */
function reportTimes(results: readonly FileResult[]): void {
  if (results.length <= SLOWEST) return;
  const slowest = [...results].sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  console.log("\nslowest files:");
  for (const { name, seconds } of slowest) console.log(`${seconds.toFixed(1).padStart(8)} s  ${name}`);
  const rooms = new Map<string, number>();
  for (const { name, seconds } of results) {
    const room = name.includes("/") ? name.slice(0, name.indexOf("/")) : ".";
    rooms.set(room, (rooms.get(room) ?? 0) + seconds);
  }
  console.log("rooms:");
  for (const [room, seconds] of [...rooms].sort(([, a], [, b]) => b - a))
    console.log(`${seconds.toFixed(1).padStart(8)} s  ${room}`);
}

async function main(args: readonly string[]): Promise<number> {
  const here = dirname(fileURLToPath(import.meta.url));
  const root = args[0] === "--root" ? resolve(args[1] ?? ".") : here;
  const patterns = args[0] === "--root" ? args.slice(2) : args;
  const all = findTests(root);
  const unmatched = patterns.filter((p) => !all.some((file) => file.name.includes(p)));
  const files = patterns.length === 0 ? all : all.filter((f) => patterns.some((p) => f.name.includes(p)));

  const processes = new TestProcesses();
  let interrupted = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      interrupted = true;
      processes.stop(`stopped by ${signal}`);
    });
  }

  const results: FileResult[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < files.length && !interrupted) {
      const file = files[next++];
      const started = performance.now();
      const ending = await processes.run(file.path, file.timeout);
      const result = judge(file, ending, (performance.now() - started) / 1000, isSet(process.env.CI));
      report(result);
      results.push(result);
    }
  };
  await Promise.all(Array.from({ length: Math.ceil(availableParallelism() * AT_ONCE) }, worker));

  reportTimes(results);
  const skips = results.flatMap((r) => r.skips.map((line) => `${line} (${r.name})`)).sort();
  const failures = results.filter((r) => r.failed > 0).map((r) => r.name);
  const sum = (pick: (r: FileResult) => number): number => results.reduce((n, r) => n + pick(r), 0);
  let failed = sum((r) => r.failed);
  console.log();
  for (const line of skips) console.log(line);
  if (failures.length > 0) console.log(`failed: ${failures.sort().join(", ")}`);
  for (const pattern of unmatched) console.log(`no test file matches '${pattern}'`);
  failed += unmatched.length;
  if (all.length === 0) {
    console.log(`no test files in ${relative(process.cwd(), root) || "."}`);
    failed++;
  }
  if (interrupted) {
    console.log(`interrupted: ${files.length - results.length} files were not run`);
    failed++;
  }
  const skipped = skips.length > 0 ? `, ${skips.length} skipped` : "";
  console.log(`${sum((r) => r.passed)} passed, ${failed} failed${skipped}`);
  return failed === 0 ? 0 : 1;
}

function isSet(variable: string | undefined): boolean {
  return variable !== undefined && variable !== "" && variable !== "false" && variable !== "0";
}

process.exitCode = await main(process.argv.slice(2));
