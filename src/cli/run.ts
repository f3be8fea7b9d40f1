// sluice run: Click's driver.

import { closeSync, openSync, writeSync } from "node:fs";
import { SystemProvider } from "../device/provider.js";
import { ConfigurationError } from "../lang/diagnostics.js";
import { flatText } from "../lang/flat-text.js";
import { Loader } from "../loader.js";
import { RealClock, SimulatedClock } from "../router/clock.js";
import { HandlerError, readHandler } from "../router/handler.js";
import { Router } from "../router/router.js";
import { systemError } from "../router/system-error.js";
import { VERSION } from "../router/version.js";
import { type Command, CommandError } from "./command.js";
import { selectHandlers } from "./handlers.js";
import { libraryReader, readInput } from "./input.js";
import { report, verdict } from "./report.js";
import { HELP, type Settings, settings } from "./run-options.js";

async function makeRouter(s: Settings, text: string, file: string): Promise<Router> {
  const landmark = { file: "<command line>", line: 1 };
  const router = new Router({
    file,
    loader: new Loader(),
    clock: s.simtime === null ? new RealClock() : new SimulatedClock(s.simtime),
    seed: s.seed,
    devices: new SystemProvider({ report: (message) => process.stderr.write(`${message}\n`) }),
    memory: { bytes: s.memory * 2 ** 20 },
    variables: s.variables,
    readLibrary: libraryReader(s.clickpath),
    hotSwap: s.hotSwap,
    warnings: s.warnings,
    // Click's name for the elements that its options add.
    extra: s.control.map((c, i) => ({
      ...c,
      landmark,
      name: `click_driver@@ControlSocket${i === 0 ? "" : `@${i}`}`,
    })),
  });
  await router.start(text);
  return router;
}

async function run(words: readonly string[]): Promise<number> {
  const s = settings(words);
  if (s === "version") {
    process.stdout.write(`sluice ${VERSION}\n`);
    return 0;
  }
  const { text, file } = readInput(s.file, s.expression);
  let router: Router;
  try {
    router = await makeRouter(s, text, file);
  } catch (e) {
    if (!(e instanceof ConfigurationError)) throw e;
    const forPeople = process.stderr.isTTY && s.format === "text" ? text : undefined;
    process.stderr.write(
      report(e.diagnostics, s.format, forPeople) + (s.format === "text" ? verdict(e) : ""),
    );
    return 1;
  }
  try {
    return await drive(router, s, file);
  } finally {
    router.close();
  }
}

async function drive(router: Router, s: Settings, file: string): Promise<number> {
  if (router.elements.length === 0 && s.warnings)
    process.stderr.write(`warning: ${file}: configuration has no elements, exiting\n`);
  if (s.output !== null) writeOut(s.output, flatText(router.graph.flat));
  const started = performance.now();
  const before = process.cpuUsage();
  if (!s.quit && router.elements.length > 0) await untilStopped(router);
  if (s.time) {
    const { user, system } = process.cpuUsage(before);
    const real = (performance.now() - started) / 1000;
    process.stdout.write(
      `${(user / 1e6).toFixed(3)}u ${(system / 1e6).toFixed(3)}s ${Math.floor(real / 60)}:${(real % 60).toFixed(2).padStart(5, "0")}\n`,
    );
  }
  let status = 0;
  try {
    const selected = s.handlers.flatMap((h) => selectHandlers(router, h));
    for (const { path, handler } of selected) {
      const value = readHandler(handler);
      const line = value === "" || value.endsWith("\n") || handler.spec.raw ? value : `${value}\n`;
      process.stdout.write(selected.length === 1 ? line : `${path}:\n${line}\n`);
    }
    if (s.exitHandler !== null) status = exitStatus(router, s.exitHandler);
  } catch (e) {
    if (!(e instanceof HandlerError)) throw e;
    process.stderr.write(`${e.message}\n`);
    return 1;
  }
  return status;
}

/** Runs the router; the first interrupt stops it in order, a second ends the process. */
async function untilStopped(router: Router): Promise<void> {
  const stop = (): void => {
    process.once("SIGINT", () => process.exit(130));
    router.driver.interrupt();
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  try {
    await router.run();
  } finally {
    process.removeAllListeners("SIGINT");
    process.removeAllListeners("SIGTERM");
  }
}

function writeOut(file: string, text: string): void {
  if (file === "-") {
    process.stdout.write(text);
    return;
  }
  try {
    const fd = openSync(file, "w");
    writeSync(fd, text, null, "latin1");
    closeSync(fd);
  } catch (e) {
    throw new CommandError(`${file}: ${systemError(e)}`);
  }
}

/** The exit status that handler `path` asks for: an integer, or a truth value (true = 0). */
function exitStatus(router: Router, path: string): number {
  const value = router.read(path).trim();
  if (/^-?\d+$/.test(value)) return Number(value) & 0xff;
  if (/^(true|yes|t|y)$/.test(value)) return 0;
  if (/^(false|no|f|n)$/.test(value)) return 1;
  process.stderr.write(`exit handler value should be integer\n`);
  return 1;
}

export const command: Command = { help: HELP, run };
