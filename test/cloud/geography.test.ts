// Distances on the Earth.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { distance } from "../../src/cloud/geography.js";
import * as fc from "../property.js";

const place = fc.record({
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
});

test("known distances: a degree of latitude, a quarter and half of the Earth, Paris to Lyon", () => {
  const near = (a: number, b: number): void => assert.ok(Math.abs(a - b) < 1, `${a} and ${b}`);
  const at = (latitude: number, longitude: number) => ({ latitude, longitude });
  near(distance(at(0, 0), at(1, 0)), 111.19);
  near(distance(at(0, 0), at(90, 0)), 10007.56);
  near(distance(at(0, 0), at(0, 180)), 20015.11);
  near(distance(at(10, 179.5), at(10, -179.5)), 109.5);
  near(distance(at(48.8566, 2.3522), at(45.764, 4.8357)), 391.5);
});

test("it is the same both ways, 0 to the same place, never NaN, and no more than half the Earth", () => {
  fc.assert(
    fc.property(place, place, (a, b) => {
      const d = distance(a, b);
      assert.ok(d >= 0 && d <= 20_016);
      assert.ok(Math.abs(d - distance(b, a)) < 1e-6);
      assert.ok(distance(a, a) < 1e-6);
    }),
  );
});

test.run();
