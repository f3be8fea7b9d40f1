import { test } from "uvu";
import * as assert from "uvu/assert";
import { withArgument } from "../../src/router/reconfigure.js";

const cases: readonly (readonly [config: string, keyword: string, position: number, result: string])[] = [
  ["1.0.0.1, 5, 2.0.0.2, 6", "DST", 2, "1.0.0.1, 5, NEW, 6"],
  ["SRC 1.0.0.1, DST 2.0.0.2", "DST", 1, "SRC 1.0.0.1, DST NEW"],
  ["1.0.0.1, DST 2.0.0.2", "DST", 1, "1.0.0.1, DST NEW"],
  ["1.0.0.1", "DST", 1, "1.0.0.1, DST NEW"],
  ["SRC 1.0.0.1", "DST", 0, "SRC 1.0.0.1, DST NEW"],
  ["", "DST", 0, "DST NEW"],
];

for (const [config, keyword, position, result] of cases) {
  test(`${keyword}, argument ${position} of (${config}), changed gives (${result})`, () => {
    assert.is(withArgument(config, keyword, position, "NEW"), result);
  });
}

test.run();
