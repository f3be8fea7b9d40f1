// What a controller says to the source's hypervisor when it cancels: whether it is known that nothing runs at the target.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ErrandContext, perform } from "../../../src/cloud/migration/errands.js";
import { Knowledge } from "../../../src/cloud/migration/knowledge.js";
import { HypervisorError } from "../../../src/index.js";

/** Cancels at the target, which answers so, then at the source; gives what that was told. */
async function cancelBoth(target: () => Promise<void>): Promise<boolean | undefined> {
  let vouched: boolean | undefined;
  const known = new Knowledge();
  const source = async (_: string, gone?: boolean): Promise<void> => {
    vouched = gone;
  };
  const context = {
    record: { id: "m1", from: "a", to: "b" },
    known,
    world: { hypervisor: (dc: string) => ({ cancel: dc === "b" ? target : source }) },
    note: () => {},
  } as unknown as ErrandContext;
  if (await perform({ kind: "cancel", side: "target" }, context)) known.done.add("cancel target");
  await perform({ kind: "cancel", side: "source" }, context);
  return vouched;
}

test("when it has been cancelled at the target, the source need not ask", async () => {
  assert.is(await cancelBoth(async () => {}), true);
});

for (const code of ["UNREACHABLE", "TOO_LATE", "FAILED"])
  test(`when the target says ${code}, the source has to ask`, async () => {
    const refused = (): Promise<void> => Promise.reject(new HypervisorError(code, "no"));
    assert.is(await cancelBoth(refused), false);
  });

test.run();
