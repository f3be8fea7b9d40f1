// timeout: 400
// Simulated hours under random faults; each seed can be run alone: npm run soak -- --only faults --seed N --count 1.

import { test } from "uvu";
import { hours } from "./suite.js";

hours([9, 10, 15, 16, 17, 18, 19, 20]);

test.run();
