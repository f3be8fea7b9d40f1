// timeout: 400
// Simulated hours under random faults; each seed can be run alone: npm run soak -- --only faults --seed N --count 1.

import { test } from "uvu";
import { hours } from "./suite.js";

hours([1, 2, 3, 4, 5]);

test.run();
