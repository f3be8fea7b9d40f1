// Map-Version arithmetic (RFC 9302, section 6) and how a site's mappings count on.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { SiteMappings } from "../../src/lisp/etr/site-mappings.js";
import { isNewer, nextVersion } from "../../src/lisp/map-version.js";
import { parseEid, parseMapping } from "../../src/lisp/mapping.js";

test("69's newer versions are 70 to 69 + 2048, its older ones 69 + 2049 to 69 + 4095 (section 6)", () => {
  for (let i = 70; i <= 69 + 2048; i++) assert.ok(isNewer(69, i), String(i));
  for (let i = 69 + 2049; i <= 69 + 4095; i++) assert.not.ok(isNewer(69, i % 4096), String(i));
  assert.not.ok(isNewer(69, 69));
});

test("of two different versions exactly one is newer, across the wrap too", () => {
  for (let a = 1; a < 4096; a += 7)
    for (let b = 1; b < 4096; b += 5) if (a !== b) assert.is(isNewer(a, b), !isNewer(b, a), `${a} ${b}`);
  assert.ok(isNewer(4095, 1) && isNewer(4000, 100) && !isNewer(100, 4000));
});

test("0 is left out: 4095 is followed by 1 (section 6.1)", () => {
  assert.equal([nextVersion(1), nextVersion(4094), nextVersion(4095)], [2, 4095, 1]);
});

function versions(...texts: string[]): number[] {
  const site = new SiteMappings(4, () => {});
  return texts.map((text) => {
    site.set(parseMapping(text));
    return site.get(0, parseEid("10.0.0.0/8"))!.version;
  });
}

test("a mapping with a version gets the next one when it changes, once round; what is the same keeps it", () => {
  const a = "10.0.0.0/8 192.0.2.1";
  const b = "10.0.0.0/8 192.0.2.1/2";
  assert.equal(versions(`${a} version 4094`, b, a, a, `${a} version 1`, b), [4094, 4095, 1, 1, 1, 2]);
  const both = "10.0.0.0/8 192.0.2.1 192.0.2.2 version 5";
  assert.equal(
    versions(both, "10.0.0.0/8 192.0.2.2 192.0.2.1", "10.0.0.0/8 192.0.2.2/1/100/down"),
    [5, 5, 6],
  );
});

test("a newer version that is given stays, an older one is counted on instead; none stays none", () => {
  const a = "10.0.0.0/8 192.0.2.1";
  const b = "10.0.0.0/8 192.0.2.2";
  assert.equal(versions(`${a} version 10`, `${b} version 500`, `${a} version 400`), [10, 500, 501]);
  assert.equal(versions(a, b, `${b} version 7`, a), [0, 0, 7, 8]);
});

test("listeners hear of the version that it gets", () => {
  const site = new SiteMappings(4, () => {});
  const heard: (number | undefined)[][] = [];
  site.onChange(({ before, after }) => heard.push([before?.version, after?.version]));
  site.set(parseMapping("10.0.0.0/8 192.0.2.1 version 4095"));
  site.set(parseMapping("10.0.0.0/8 192.0.2.2"));
  assert.equal(heard, [
    [undefined, 4095],
    [4095, 1],
  ]);
});

test.run();
