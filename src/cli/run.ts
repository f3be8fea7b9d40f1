// sluice run: Click's driver.

import { writeFileSync } from "node:fs";
import { HYPERVISOR, type Hypervisor } from "../cloud/hypervisor.js";
import { ORCHESTRATOR, type Orchestrator } from "../cloud/orchestrator.js";
import { KernelAlarms } from "../device/alarms.js";
import { SystemProvider } from "../device/provider.js";
import { bytesOf } from "../lang/args/text.js";
import { ConfigurationError } from "../lang/diagnostics.js";
import { Loader, libraryReader } from "../loader.js";
import { MemoryError } from "../packet/memory.js";
import { RealClock, SimulatedClock } from "../router/clock.js";
import { Facilities } from "../router/facility.js";
import { openText } from "../router/global-handlers.js";
import { HandlerError } from "../router/handler.js";
import { Router } from "../router/router.js";
import { ProcessSignals, type Signals } from "../router/signals.js";
import { systemError } from "../router/system-error.js";
import { VERSION } from "../router/version.js";
import { type Command, CommandError } from "./command.js";
import { exitStatus, reportHandlers } from "./handlers.js";
import { readInput } from "./input.js";
import type { Output } from "./output.js";
import { report, verdict } from "./report.js";
import { HELP, type Settings, settings } from "./run-options.js";

/** Where elements come from that options add, for messages about them. */
const ADDED = { file: "sluice", line: 0 } as const;
/** What their configurations get besides in a hot swap: the one before holds the socket until it is certain. */
const WHEN_SWAPPED = ", RETRIES 1, RETRY_WARNINGS false";

async function makeRouter(
  s: Settings,
  signals: Signals,
  output: Output,
  text: string,
  file: string,
): Promise<Router> {
  const router = new Router({
    file,
    loader: new Loader(),
    clock: s.simtime === null ? new RealClock(new KernelAlarms()) : new SimulatedClock(s.simtime),
    seed: s.seed,
    devices: new SystemProvider({
      report: (message) => process.stderr.write(`${message}\n`),
      unwritten: (error) => output.lost(error),
    }),
    facilities: new Facilities()
      .add(ORCHESTRATOR, { service: runningService })
      .add(HYPERVISOR, { simulated }),
    memory: s.memory === null ? {} : { bytes: s.memory * 2 ** 20 },
    variables: s.variables,
    readLibrary: libraryReader(s.clickpath),
    hotSwap: s.hotSwap,
    warnings: s.warnings,
    signals,
    unwritten: (error) => output.lost(error),
    extra: s.control.map((config, i) => ({
      // Click's name for them.
      name: `click_driver@@ControlSocket${i === 0 ? "" : `@${i}`}`,
      className: "ControlSocket",
      config,
      landmark: ADDED,
      whenSwapped: WHEN_SWAPPED,
    })),
  });
  await router.start(text);
  return router;
}

/** The orchestrator of a running service: few configurations ask for one, so its code is not loaded before. */
async function runningService(name: string): Promise<Orchestrator> {
  return (await import("./running.js")).orchestratorOf(name);
}

/** The same holds for hypervisors. */
async function simulated(options: string): Promise<Hypervisor> {
  return (await import("../cloud/hypervisors/make-simulated.js")).simulatedHypervisor(options);
}

async function run(words: readonly string[], output: Output): Promise<number> {
  const s = settings(words);
  if (s === "version") {
    process.stdout.write(`sluice ${VERSION}\n`);
    return 0;
  }
  const { text, file } = readInput(s.file, s.expression);
  const signals = new ProcessSignals();
  const interrupts = new Interrupts(signals);
  let router: Router;
  try {
    router = await makeRouter(s, signals, output, text, file);
  } catch (e) {
    interrupts.release();
    if (e instanceof MemoryError) throw new CommandError(e.message);
    if (!(e instanceof ConfigurationError)) throw e;
    const forPeople = process.stderr.isTTY && s.format === "text" ? { text, file } : undefined;
    process.stderr.write(
      report(e.diagnostics, s.format, forPeople) + (s.format === "text" ? verdict(e) : ""),
    );
    return 1;
  }
  try {
    return await drive(router, s, interrupts, file);
  } finally {
    interrupts.release();
    router.close();
  }
}

async function drive(router: Router, s: Settings, interrupts: Interrupts, file: string): Promise<number> {
  let status = s.output === null || writeOut(s.output, openText(router)) ? 0 : 1;
  const started = performance.now();
  const before = process.cpuUsage();
  if (!s.quit && router.elements.length > 0) await interrupts.run(router);
  else if (!s.quit && s.warnings)
    process.stderr.write(`warning: ${file}: configuration has no elements, exiting\n`);
  if (s.time) process.stdout.write(timeLine(process.cpuUsage(before), performance.now() - started));
  const { text, errors } = reportHandlers(router, s.handlers);
  process.stdout.write(bytesOf(text));
  for (const message of errors) process.stderr.write(bytesOf(`${message}\n`));
  if (errors.length > 0) status = 1;
  if (s.exitHandler === null) return status;
  try {
    return exitStatus(router, s.exitHandler);
  } catch (e) {
    if (!(e instanceof HandlerError)) throw e;
    process.stderr.write(bytesOf(`${e.message}\n`));
    return 255;
  }
}

/** Click's line: seconds of user and system time, then minutes and seconds that passed (`real`: milliseconds). */
function timeLine({ user, system }: NodeJS.CpuUsage, real: number): string {
  const hundredths = Math.round(real / 10);
  const minutes = Math.floor(hundredths / 6000);
  const seconds = ((hundredths % 6000) / 100).toFixed(2).padStart(5, "0");
  return `${(user / 1e6).toFixed(3)}u ${(system / 1e6).toFixed(3)}s ${minutes}:${seconds}\n`;
}

/** What Ctrl-C does, before and while a router runs. Scripts that wait for the signal go before it. */
class Interrupts {
  readonly #signals: Signals;
  readonly #releases = new Set<() => void>();
  #running: Router | null = null;

  constructor(signals: Signals) {
    this.#signals = signals;
    for (const name of ["INT", "TERM", "HUP"]) {
      const signo = signals.number(name);
      const release = signo === undefined ? undefined : signals.catch(signo, () => this.#interrupt(signo));
      if (release !== undefined) this.#releases.add(release);
    }
  }

  /** Runs the router; the first interrupt stops it in order, a second ends the process. */
  async run(router: Router): Promise<void> {
    this.#running = router;
    try {
      await router.run();
    } finally {
      this.#running = null;
    }
  }

  /** From now on the system does with signals what it does by itself. */
  release(): void {
    for (const undo of this.#releases) undo();
    this.#releases.clear();
  }

  #interrupt(signo: number): void {
    this.release();
    if (this.#running !== null) this.#running.driver.interrupt();
    else this.#signals.send(this.#signals.pid, signo);
  }
}

/** Writes `text` to `file` (`-`: standard output); says so and gives false when that fails. */
function writeOut(file: string, text: string): boolean {
  try {
    if (file === "-") process.stdout.write(bytesOf(text));
    else writeFileSync(file, bytesOf(text));
    return true;
  } catch (e) {
    process.stderr.write(`${file}: ${systemError(e)}\n`);
    return false;
  }
}

/** Who reads its output may stop reading; the router does not stop for that, as Click's does not. */
export const command: Command = { help: HELP, serves: true, run };
