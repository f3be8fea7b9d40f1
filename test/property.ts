// fast-check for the tests: the same examples in every run, so that no test fails by chance. Others come with a seed of
// one's own: TEST_SEED=7 npm test. A counterexample that was found with one is kept as a test.

import * as fc from "fast-check";

const { TEST_SEED = "1" } = process.env;
if (!/^\d{1,9}$/.test(TEST_SEED)) throw new Error(`TEST_SEED is a whole number, not '${TEST_SEED}'`);
/** Also for what else a test chooses at random. */
export const SEED: number = Number(TEST_SEED);
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: SEED });

export * from "fast-check";
