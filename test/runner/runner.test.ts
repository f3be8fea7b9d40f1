// The runner itself, on files that pass, fail, skip and hang.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { runs } from "../cli/noted.js";
import { has, head, passing, runFixtures } from "./fixtures.js";

test("passing files in folders are counted, a line each", () => {
  const outcome = runFixtures({ "one.test.js": passing, "deep/er/two.test.js": passing, "no.js": "x(" });
  assert.is(outcome.last, "4 passed, 0 failed");
  assert.is(outcome.status, 0);
  has(outcome, /^ok {3}one \(2 tests, \d+\.\d s\)$/);
  has(outcome, /^ok {3}deep\/er\/two \(2 tests, \d+\.\d s\)$/);
});

test("substrings select files", () => {
  const files = { "red.test.js": passing, "deep/green.test.js": passing, "blue.test.js": passing };
  assert.is(runFixtures(files, ["deep/", "blu"]).last, "4 passed, 0 failed");
});

test("a substring that selects nothing is a failure, also beside one that does", () => {
  const outcome = runFixtures({ "red.test.js": passing }, ["red", "nope"]);
  assert.is(outcome.last, "2 passed, 1 failed");
  assert.is(outcome.status, 1);
  has(outcome, /^no test file matches 'nope'$/);
});

test("a folder without tests is a failure", () => {
  const outcome = runFixtures({});
  assert.is(outcome.last, "0 passed, 1 failed");
  assert.is(outcome.status, 1);
});

test("a failing test is counted and its file's output shown", () => {
  const failing = `${head}test("good", () => {});
test("bad", () => { throw new Error("the sky is green"); });
test.run();
`;
  const outcome = runFixtures({ "a.test.js": failing, "b.test.js": passing });
  assert.is(outcome.last, "3 passed, 1 failed");
  assert.is(outcome.status, 1);
  has(outcome, /the sky is green/);
  has(outcome, /^failed: a$/);
});

test("a file that forgets test.run() is a failure", () => {
  const outcome = runFixtures({ "a.test.js": `${head}test("never", () => {});\n` });
  assert.is(outcome.last, "0 passed, 1 failed");
  has(outcome, /a: ran no tests to their end/);
});

test("a file that ends the process before its tests have is a failure", () => {
  const outcome = runFixtures({ "a.test.js": `${head}test("quits", () => process.exit(0));\ntest.run();\n` });
  assert.is(outcome.last, "0 passed, 1 failed");
});

test("a file with no tests at all is a failure", () => {
  const outcome = runFixtures({ "a.test.js": `${head}test.run();\n` });
  assert.is(outcome.last, "0 passed, 1 failed");
  has(outcome, /a: holds no tests/);
});

test("a file that cannot be loaded is a failure", () => {
  const outcome = runFixtures({ "a.test.js": 'import "./nowhere.js";\n' });
  assert.is(outcome.last, "0 passed, 1 failed");
  has(outcome, /ERR_MODULE_NOT_FOUND/);
});

test("test.only is a failure", () => {
  const only = `${head}test.${"only"}("one", () => {});\ntest("other", () => {});\ntest.run();\n`;
  const outcome = runFixtures({ "a.test.js": only });
  assert.is(outcome.last, "1 passed, 1 failed");
  has(outcome, /a: uses test\.only/);
});

test("an error after the tests have passed is a failure", () => {
  const late = `${head}test("a", () => { setTimeout(() => { throw new Error("late"); }, 50); });\ntest.run();\n`;
  const outcome = runFixtures({ "a.test.js": late });
  assert.is(outcome.last, "1 passed, 1 failed");
  has(outcome, /a: exit status 1/);
});

test("a test that hangs is stopped at the time its file asks for, and so is what it started", () => {
  const hanging = `// timeout: 8
${head}import { spawn } from "node:child_process";
test("for ever", () => new Promise(() => {
  const child = spawn("sleep", ["1000"], { stdio: "inherit" });
  console.log("started " + child.pid);
}));
test.run();
`;
  const outcome = runFixtures({ "a.test.js": hanging });
  assert.is(outcome.last, "0 passed, 1 failed");
  has(outcome, /a: did not end within 8 s/);
  const pid = Number(/started (\d+)/.exec(outcome.lines.join("\n"))?.[1]);
  assert.ok(pid > 0);
  assert.not(runs(pid));
});

test("an open handle after the last test is a failure that is named", () => {
  const open = `${head}test("a", () => { setInterval(() => {}, 1000); });\ntest.run();\n`;
  const outcome = runFixtures({ "a.test.js": open });
  assert.is(outcome.last, "1 passed, 1 failed");
  has(outcome, /a: its tests ended, but not the process: something is still open/);
});

test("a skip with a reason is counted and repeated, and is no failure in CI", () => {
  const skipping = `${head}const rootTest = skipUnless(false, "needs the moon");
rootTest("lands", () => { throw new Error("must not run"); });
const anyTest = skipUnless(true, "never said");
anyTest("walks", () => {});
test.run();
`;
  const outcome = runFixtures({ "a.test.js": skipping }, [], { CI: "true" });
  assert.is(outcome.last, "1 passed, 0 failed, 1 skipped");
  assert.is(outcome.status, 0);
  has(outcome, /^SKIP lands: needs the moon \(a\)$/);
});

test("a file all of whose tests are skipped with a reason is no failure", () => {
  const skipping = `${head}skipUnless(false, "needs the moon")("lands", () => {});\ntest.run();\n`;
  const outcome = runFixtures({ "a.test.js": skipping });
  assert.is(outcome.last, "0 passed, 0 failed, 1 skipped");
  assert.is(outcome.status, 0);
});

test("a skip without a reason fails in CI only", () => {
  const files = { "a.test.js": `${head}test("a", () => {});\ntest.skip("b", () => {});\ntest.run();\n` };
  assert.is(runFixtures(files).last, "1 passed, 0 failed, 1 skipped");
  const inCI = runFixtures(files, [], { CI: "true" });
  assert.is(inCI.last, "1 passed, 1 failed, 1 skipped");
  assert.is(inCI.status, 1);
  has(inCI, /a: skips tests without a reason/);
});

test.run();
