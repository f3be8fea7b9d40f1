import { Script, type ScriptType } from "./script.js";

/**
 * Decides when the router stops: a Script of TYPE DRIVER.
 *
 * Each request to stop (an InfiniteSource that has sent its last packet, a `stop` in another script, the global
 * `stop` handler) takes its script one step past a wait; the router stops when the script comes to its end or to
 * `stop`. Without one, the first request stops the router. A router has at most one.
 *
 * @element DriverManager
 * @category control
 * @handler step as in Script
 * @handler goto as in Script
 * @handler run as in Script
 * @handler add as in Script
 * @handler sub as in Script
 * @handler min as in Script
 * @handler max as in Script
 * @handler mul as in Script
 * @handler div as in Script
 * @handler idiv as in Script
 * @handler mod as in Script
 * @handler rem as in Script
 * @handler neg as in Script
 * @handler abs as in Script
 * @handler eq as in Script
 * @handler ne as in Script
 * @handler gt as in Script
 * @handler ge as in Script
 * @handler lt as in Script
 * @handler le as in Script
 * @handler not as in Script
 * @handler sprintf as in Script
 * @handler first as in Script
 * @handler random as in Script
 * @handler and as in Script
 * @handler or as in Script
 * @handler nand as in Script
 * @handler nor as in Script
 * @handler if as in Script
 * @handler in as in Script
 * @handler now as in Script
 * @handler readable as in Script
 * @handler writable as in Script
 * @handler length as in Script
 * @handler unquote as in Script
 * @handler htons as in Script
 * @handler htonl as in Script
 * @handler ntohs as in Script
 * @handler ntohl as in Script
 * @handler cat as in Script
 * @handler catq as in Script
 * @handler kill as in Script
 * @handler get as in Script
 * @handler set as in Script
 * @handler shift as in Script
 * @example DriverManager(wait 2ms, print "two", wait 1ms, print "three", stop)
 * @see Script
 */
export class DriverManager extends Script {
  protected override defaultType(): ScriptType {
    return "DRIVER";
  }
}
