// The sites that may register with a Map-Server: their keys, and the
// EID-prefixes that are theirs (RFC 9301, section 8.2).

import { LargeMap } from "../../collections/large-map.js";
import { type EidPrefix, IID_MAX } from "../../net/eid.js";
import { findPrefix, prefixText } from "../../net/prefix.js";
import { SluiceError } from "../../sluice-error.js";
import type { AuthenticationKey } from "../control/authentication.js";
import { addKey, algorithmName, keyAlgorithm, misplaced, readKey, wordsOf } from "../control/keys.js";
import { PrefixTable } from "./prefix-table.js";

export interface SitePrefix extends EidPrefix {
  /** Prefixes within it may be registered, too. */
  readonly more: boolean;
}

export interface Site {
  /** 1 to 100 bytes of ASCII without spaces. */
  readonly name: string;
  /** At least one; several while a key is rolled over. */
  readonly keys: readonly AuthenticationKey[];
  readonly prefixes: readonly SitePrefix[];
}

/** What may stand behind a site's name. */
const KEYWORDS: ReadonlySet<string> = new Set(["key", "iid", "eid"]);

/** Text that is no site. Says nothing of it that may be a secret. */
export class SiteError extends SluiceError {
  readonly code = "SITE";
}

/**
 * Reads `NAME key [ID:]SECRET [sha1|sha256|hkdf]... [iid N] eid PREFIX [more]...`: an instance ID counts for the
 * prefixes behind it (for those before it `defaultIid`), `more` accepts more specific ones, too. Throws SiteError or
 * KeyError.
 */
export function parseSite(text: string, defaultIid = 0): Site {
  const words = wordsOf(text);
  const name = words[0] ?? "";
  if (!/^[!-~]{1,100}$/.test(name))
    throw new SiteError("the site's name is not 1 to 100 letters, digits and signs without spaces");
  const keys: AuthenticationKey[] = [];
  const prefixes: SitePrefix[] = [];
  let iid = defaultIid;
  for (let i = 1; i < words.length; i++) {
    switch (words[i].toLowerCase()) {
      case "key": {
        const { key, length } = readKey(words, i + 1);
        addKey(keys, key);
        i += length;
        break;
      }
      case "iid":
        iid = Number(words[++i]);
        if (!/^\d+$/.test(words[i] ?? "") || iid > IID_MAX)
          throw new SiteError(`word ${i + 1} is no instance ID, a whole number from 0 to ${IID_MAX}`);
        break;
      case "eid": {
        const eid = findPrefix(words[++i] ?? "");
        if (eid === null) throw new SiteError(`word ${i + 1} is no EID-prefix`);
        const more = words[i + 1]?.toLowerCase() === "more";
        if (more) i++;
        prefixes.push({ iid, eid, more });
        break;
      }
      default:
        throw misplaced(i, [...KEYWORDS]);
    }
  }
  if (keys.length === 0) throw new SiteError("a site needs a key");
  if (prefixes.length === 0) throw new SiteError("a site needs an EID-prefix ('eid PREFIX')");
  return { name, keys, prefixes };
}

/**
 * What errors call the site that `texts[at]` describes: its name, where that can be nothing else. Behind a comma in a
 * secret the other half of that stands where a name would.
 */
export function siteLabel(texts: readonly string[], at: number): string {
  const words = wordsOf(texts[at]);
  const before = wordsOf(texts[at - 1] ?? "").slice(-3);
  const named = KEYWORDS.has(words[1]?.toLowerCase() ?? "");
  const cut = before.slice(0, -1).some((word) => word.toLowerCase() === "key");
  return named && !cut ? `site '${words[0]}'` : `site ${at + 1}`;
}

/** A site as a line of text, without its secrets. */
export function siteText(site: Site): string {
  const keys = site.keys.map(
    (k) => `key ${k.otherIds === undefined ? `${k.id}:` : ""}* ${algorithmName(keyAlgorithm(k))}`,
  );
  const eids = site.prefixes.map(
    (p) => `${p.iid === 0 ? "" : `iid ${p.iid} `}eid ${prefixText(p.eid)}${p.more ? " more" : ""}`,
  );
  return [site.name, ...keys, ...eids].join(" ");
}

interface Owner {
  readonly site: Site;
  readonly more: boolean;
}

/** All sites of a Map-Server, by name and by EID-prefix. */
export class Sites {
  readonly #byName = new LargeMap<string, Site>();
  readonly #owners = new PrefixTable<Owner>();

  /** Throws SiteError: the name or one of the prefixes is another site's. */
  add(site: Site): void {
    if (this.#byName.has(site.name)) throw new SiteError(`there is a site '${site.name}' already`);
    for (const p of site.prefixes)
      if (!this.#owners.add(p, { site, more: p.more }))
        throw new SiteError(`${prefixText(p.eid)} is ${this.#owners.get(p)!.site.name}'s already`);
    this.#byName.set(site.name, site);
  }

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): Site | null {
    return this.#byName.get(name) ?? null;
  }

  /** In the order in which they were given, from the one of this name on; all where there is none. */
  all(from = ""): Iterable<Site> {
    return this.#byName.values(this.#byName.has(from) ? from : undefined);
  }

  /** The site that may register exactly this EID-prefix: the one with the longest prefix around it. */
  owner(prefix: EidPrefix): Site | null {
    const found = this.#owners.covering(prefix);
    if (found === null) return null;
    return found.length === prefix.eid.length || found.value.more ? found.value.site : null;
  }

  /** The length of the longest configured prefix around an EID-prefix; null where it is none of the sites'. */
  authority(prefix: EidPrefix): number | null {
    return this.#owners.covering(prefix)?.length ?? null;
  }

  /** Length of the shortest prefix that holds the address and nothing of any site. */
  holeLength(iid: number, address: Uint8Array): number {
    return this.#owners.holeLength(iid, address);
  }
}
