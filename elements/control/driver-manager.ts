import { Script, type ScriptType } from "./script.js";

/**
 * Decides when the router stops: a Script of TYPE DRIVER.
 *
 * Each request to stop (an InfiniteSource that has sent its last packet, a `stop` in another script, the global
 * `stop` handler) takes its script one step past a wait; the router stops when the script comes to its end or to
 * `stop`. Without one, the first request stops the router. A router has at most one.
 *
 * @example DriverManager(wait 2ms, print "two", wait 1ms, print "three", stop)
 * @see Script
 */
export class DriverManager extends Script {
  protected override defaultType(): ScriptType {
    return "DRIVER";
  }
}
