// What lig and why ask a running router besides: its LISP elements, and what keeps its registrations from being confirmed.

import {
  type ControlAddress,
  ControlClient,
  ControlError,
  ControlRefusal,
  parseControlAddress,
} from "../control/client.js";
import { CommandError, UsageError } from "./command.js";

/** The ControlSocket that --control names. Throws UsageError. */
export function controlAddress(control: string): ControlAddress {
  try {
    return parseControlAddress(control);
  } catch (e) {
    throw e instanceof ControlError ? new UsageError(`--control: ${e.message}`) : e;
  }
}

/** Asks the router whose ControlSocket is at `control`; `seconds`: how long to wait for it. Rejects with CommandError. */
export async function askRouter<T>(
  control: string,
  seconds: number,
  ask: (client: ControlClient) => Promise<T>,
): Promise<T> {
  const address = controlAddress(control);
  let client: ControlClient | null = null;
  try {
    client = await ControlClient.open(address, control, seconds);
    return await ask(client);
  } catch (e) {
    if (e instanceof ControlRefusal) throw new CommandError(`${control}: ${e.message}`);
    if (e instanceof ControlError) throw new CommandError(e.message);
    throw e;
  } finally {
    client?.close();
  }
}

/** The names of the router's elements of a class. */
export async function elementsOf(client: ControlClient, className: string): Promise<string[]> {
  // The first line says how many there are.
  const names = (await client.read("list")).trim().split("\n").slice(1);
  const found: string[] = [];
  for (const name of names) if ((await client.read(`${name}.class`)).trim() === className) found.push(name);
  return found;
}

/** What is wrong with the registrations of the router's LISPRegistrars: a sentence each, with the element's name. */
export async function registrationProblems(client: ControlClient): Promise<string[]> {
  const problems: string[] = [];
  for (const name of await elementsOf(client, "LISPRegistrar")) {
    const lines = (await client.read(`${name}.problem`)).split("\n").filter((line) => line !== "");
    problems.push(...lines.map((line) => `${name}: ${line}`));
  }
  return problems;
}
