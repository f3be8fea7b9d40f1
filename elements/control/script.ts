import { PORT_DROP, SLOT_PORT } from "../../assembly/layout.js";
import { parseInteger } from "../../src/lang/args/numbers.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { splitSpaces, uncomment } from "../../src/lang/args/text.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { ErrorContext } from "../../src/router/errors.js";
import { type HandlerCode, HandlerError } from "../../src/router/handler.js";
import type { ElementSpec, HandlerSpec } from "../../src/router/spec.js";
import { FUNCTIONS } from "../../src/script/functions.js";
import { SCRIPT_HANDLERS, systemHandlers } from "../../src/script/handlers.js";
import { ScriptMachine, type StepType } from "../../src/script/machine.js";
import { findLabel, type Instruction, readProgram } from "../../src/script/program.js";

const args = {
  TYPE: { type: "any", doc: "ACTIVE, PASSIVE, PACKET, PROXY, DRIVER, or SIGNAL and the names of signals" },
  INSTRUCTIONS: { type: "any", rest: true, doc: "what to do, an instruction an argument" },
} as const;

export type ScriptType = "ACTIVE" | "PASSIVE" | "PACKET" | "PROXY" | "DRIVER" | "SIGNAL";

/**
 * Runs a script that reads and writes handlers, waits, and stops the router.
 *
 * Instructions run one after the other; each is an argument. Text in them may use variables (`$x`) and the values
 * of read handlers (`$(counter.count)`, `$(add $x 1)`: a Script's own handlers need no element name). Forms that
 * end in `q` take a level of quotes off the result.
 *
 *     set VAR TEXT, setq        give a variable a value
 *     init VAR TEXT, initq      the same, once, when the router starts
 *     export VAR TEXT, exportq  like init; VAR is a read handler too
 *     print [>FILE] TEXT        print text, or the value of a handler (printq unquotes its parameters)
 *     printn, printnq           print without adding a newline
 *     save HANDLER FILE         write a handler's value to a file; append adds it
 *     read HANDLER, readq       print a handler's name and value to where messages go
 *     write HANDLER VALUE       write a handler; $? is 0 when that went well (writeq unquotes VALUE)
 *     wait TIME                 wait for seconds, or for a step
 *     pause [COUNT]             wait for steps (wait_step, wait_stop)
 *     label NAME                a place to go to
 *     goto NAME [CONDITION]     go on there when the condition holds; begin, end, exit, stop and error are labels
 *     loop                      go to the first instruction
 *     end, exit                 end; a signal's script stays installed after end, a packet is sent on after end
 *     stop                      end, and ask the router to stop
 *     return VALUE, returnq     end; VALUE is what reading `run` gives, or the output a packet leaves on
 *     error [MESSAGE], errorq   end with an error
 *
 * An ACTIVE script (the default) runs as soon as the router does; a PASSIVE one when its `run` handler is called,
 * with its arguments in $args, $1, $2..., their number in $#; a PACKET script (the default with ports) for every
 * packet, its input port in $input; a PROXY script for every handler it does not have itself, whose name is $0,
 * and $write says whether it is written; a DRIVER script decides when the router stops (see DriverManager); a
 * SIGNAL script runs when the process gets one of the signals. $$ is the number of the process. A script that
 * jumps 1000 times without waiting is given up.
 *
 * @input - packets, in a PACKET script
 * @output - packets the script sends there
 * @example Script(set x 0, label again, print $x, set x $(add $x 1), goto again $(lt $x 5), stop)
 * @example sum :: Script(TYPE PASSIVE, return $(add $1 $2)); Script(print $(sum.run 1 2), stop)
 * @see DriverManager
 */
export class Script extends Element {
  static readonly spec: ElementSpec = {
    ports: "-/-",
    processing: "ah/ah",
    args,
    handlers: SCRIPT_HANDLERS,
  };

  readonly #machine = new ScriptMachine(
    this,
    this.newTimer(() => this.#step(1, "timer")),
  );
  #type: ScriptType = "ACTIVE";
  #instructions: readonly Instruction[] = [];
  #signals: readonly number[] = [];
  readonly #caught = new Map<number, () => void>();

  /** What a script is when TYPE is not given. */
  protected defaultType(): ScriptType {
    return this.ninputs > 0 || this.noutputs > 0 ? "PACKET" : "ACTIVE";
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const problem = this.#readType(values.TYPE) ?? this.#checkType();
    if (problem !== null) {
      errors.error(problem);
      return;
    }
    if (this.#type === "DRIVER") this.graph.stopHook = () => this.#askedToStop();
    const program = readProgram(values.INSTRUCTIONS, this.#type === "DRIVER");
    for (const message of program.errors) errors.error(message);
    this.#instructions = program.instructions;
    this.#machine.load(program.instructions);
  }

  /** Reads TYPE; what is wrong with it, or null. */
  #readType(text = ""): string | null {
    const [word, ...rest] = splitSpaces(text);
    if (word === undefined) this.#type = this.defaultType();
    else if (word === "SIGNAL") {
      this.#type = "SIGNAL";
      this.#signals = rest.map((name) => this.#signalNumber(name));
      if (rest.length === 0 || this.#signals.includes(-1)) return "bad signal number";
    } else if (["ACTIVE", "PASSIVE", "PACKET", "PUSH", "PROXY", "DRIVER"].includes(word) && rest.length === 0)
      this.#type = word === "PUSH" ? "PACKET" : (word as ScriptType);
    else return "bad TYPE";
    return null;
  }

  #checkType(): string | null {
    if (this.#type === "DRIVER" && this.graph.stopHook !== null)
      return "router has more than one driver script";
    if (this.#type === "PACKET" && this.ninputs === 0) return "PACKET script must have inputs";
    if (this.#type !== "PACKET" && (this.ninputs > 0 || this.noutputs > 0))
      return "ports allowed only on PACKET scripts";
    return null;
  }

  /** The signal called `name`, or with that number; -1 when there is none. */
  #signalNumber(name: string): number {
    const n = /^\d+$/.test(name) ? Number(name) : (this.router.signals.number(name) ?? -1);
    return n < 32 ? n : -1;
  }

  override initialize(errors: ErrorSink): void {
    const collected = new ErrorContext(null, (line) => errors.error(line));
    const active = this.#type === "ACTIVE" || this.#type === "DRIVER";
    this.#machine.begin(active, this.#type === "DRIVER", collected);
    for (const signo of this.#signals) this.#catch(signo, errors);
  }

  #catch(signo: number, errors: ErrorSink): void {
    const release = this.router.signals.catch(signo, () => {
      // As in Click, the signal is back to what it was until the script has come to its end.
      for (const release of this.#caught.values()) release();
      this.#caught.clear();
      if (this.graph !== this.router.graph) return;
      const context = this.#context();
      this.#machine.restart();
      this.#machine.take(0, "jump", context);
      this.#finished(context);
      this.router.driver.wake();
    });
    if (release === undefined) errors.error(`cannot catch signal ${signo}`);
    else this.#caught.set(signo, release);
  }

  override cleanup(): void {
    for (const release of this.#caught.values()) release();
    this.#caught.clear();
  }

  // ---- Running -----------------------------------------------------------------

  /** Where errors go that arise while the script runs by itself. */
  #context(): ErrorContext {
    return new ErrorContext(`While executing '${this.declaration}':`, (line) => this.router.log(line));
  }

  #step(steps: number, type: StepType): void {
    const errors = this.#context();
    this.#machine.take(steps, type, errors);
    this.#finished(errors);
  }

  /** A signal's script that has ended waits for its signals again. */
  #finished(errors: ErrorSink): void {
    if (this.#type !== "SIGNAL" || this.#machine.ending !== "end" || this.#caught.size > 0) return;
    for (const signo of this.#signals) this.#catch(signo, errors);
  }

  /** The router was asked to stop: takes steps until there is nothing left to stop for. Returns whether it goes on. */
  #askedToStop(): boolean {
    for (let i = 0; i < 1000 && this.graph.runcount <= 0; i++) {
      this.#step(1, "router");
      const { ending } = this.#machine;
      if (ending === "stop" || ending === "error" || ending === "errorq") break;
    }
    return this.graph.runcount > 0;
  }

  /** Runs the script for a handler: throws HandlerError with everything that went wrong. */
  #run(name: string, value: string, writing: boolean): string {
    const machine = this.#machine;
    machine.variables.args = value;
    machine.variables.handler = name;
    machine.variables.writing = writing;
    machine.restart();
    return this.#call(0, "jump");
  }

  #call(steps: number, type: StepType): string {
    const machine = this.#machine;
    const lines: string[] = [];
    const errors = new ErrorContext(null, (line) => lines.push(line));
    machine.take(steps, type, errors);
    this.#finished(errors);
    const { ending, result } = machine;
    const failed = ending === "error" || ending === "errorq";
    machine.variables.handler = "";
    machine.variables.writing = false;
    if (failed || ending === "stop") machine.variables.args = "";
    if (failed || lines.length > 0) throw new HandlerError("FAILED", lines.join("\n"), failed ? -1 : 0);
    return result;
  }

  override push(port: number, batch: Batch): void {
    this.#decide(port, batch);
    this.dispatch(batch);
  }

  override pull(_port: number, batch: Batch, max: number): void {
    if (this.inputs[0].pull(batch, max) === 0) return;
    this.#decide(0, batch);
    const { memory, router } = this;
    const stay = router.batches.acquire();
    const go = router.batches.acquire();
    for (let i = 0; i < batch.count; i++)
      (memory.u16[(batch.at(i) + SLOT_PORT) >>> 1] === 0 ? stay : go).add(batch.at(i));
    batch.count = 0;
    this.dispatch(go);
    for (let i = 0; i < stay.count; i++) batch.add(stay.at(i));
    stay.count = 0;
    router.batches.release(go);
    router.batches.release(stay);
  }

  /** Runs the script for every packet, and writes the output it is to leave on into its slot. */
  #decide(port: number, batch: Batch): void {
    const machine = this.#machine;
    for (let i = 0; i < batch.count; i++) {
      machine.variables.set("input", String(port));
      machine.restart();
      this.#step(0, "jump");
      const { ending, result } = machine;
      const output = ending === "end" ? 0 : Number(/^\d{1,4}$/.exec(result)?.[0] ?? PORT_DROP);
      this.memory.u16[(batch.at(i) + SLOT_PORT) >>> 1] = output < this.noutputs ? output : PORT_DROP;
    }
  }

  // ---- Handlers ----------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    const machine = this.#machine;
    const functions = Object.entries(FUNCTIONS).map(([name, f]) => [name, { read: f }] as const);
    return {
      ...Object.fromEntries(functions),
      ...systemHandlers(this, machine.variables),
      step: { write: (text) => this.#writeStep(uncomment(text)) },
      goto: { write: (text) => this.#writeGoto(uncomment(text)) },
      run: {
        read: (text) => this.#run("run", text, false),
        write: (text) => void this.#run("run", text, true),
      },
    };
  }

  #writeStep(text: string): void {
    const parsed = text === "" ? { value: 1 } : parseInteger(text);
    if (text === "router") this.#call(1, "router");
    else if ("error" in parsed || Math.abs(parsed.value) > 0x7fffffff)
      throw new HandlerError("FAILED", "syntax error");
    else this.#call(parsed.value, "normal");
  }

  #writeGoto(label: string): void {
    const place = findLabel(this.#instructions, label);
    if (typeof place !== "number") throw new HandlerError("FAILED", "jump to nonexistent label");
    this.#machine.jump(place);
    this.#call(0, "jump");
  }

  override moreHandlers(): Record<string, readonly [HandlerSpec, HandlerCode]> {
    const exported = this.#instructions.filter((i) => i.operation === "export");
    return Object.fromEntries(
      exported.map(({ name }) => [
        name,
        [
          { doc: `the variable ${name}`, read: true },
          { read: () => this.#machine.variables.get(name) },
        ] as const,
      ]),
    );
  }

  override anyHandler(name: string): HandlerCode | null {
    if (this.#type !== "PROXY") return null;
    return {
      read: (text) => this.#run(name, text, false),
      write: (text) => void this.#run(name, text, true),
    };
  }
}
