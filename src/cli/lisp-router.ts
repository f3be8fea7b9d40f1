// What lig and why ask a running router besides: its LISP elements, and what keeps its registrations from being confirmed.

import type { ControlClient } from "../control/client.js";

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
