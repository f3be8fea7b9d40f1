// What a run in real time needs of the machine. It is asked for before anything runs: there is no falling back.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { namespacesRefused } from "../vnf/link/veth.js";
import { type Experiment, LabError, type WorldKind } from "./experiment.js";

/** Administrators' programs are not always on the path. */
const ALSO = ["/usr/sbin", "/sbin"];

/** Throws LabError with everything that is missing, by name. */
export function checkNeeds(experiment: Experiment, world: WorldKind): void {
  const { name, seconds, needs } = experiment;
  if (seconds[world] === null) {
    const hint = world === "real" ? "it has no real-time form" : "it runs in real time only: --real";
    throw new LabError(
      "NEEDS",
      `'${name}' cannot run ${world === "real" ? "with --real" : "simulated"}: ${hint}`,
    );
  }
  if (world === "simulated" || needs === undefined) return;
  const missing = needs.programs.filter((p) => !onPath(p)).map((p) => `the program ${p} is not there`);
  const refused = needs.namespaces ? namespacesRefused() : null;
  if (refused !== null) missing.unshift(refused);
  if (missing.length > 0)
    throw new LabError("NEEDS", `'${name}' cannot run with --real: ${missing.join("; ")}`);
}

function onPath(program: string): boolean {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((f) => f !== "");
  return [...folders, ...ALSO].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
