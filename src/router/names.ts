// Names that elements define for others (AddressInfo, PortInfo, ...): one table a database, scoped by compound.

/** A number (host order) or bytes (addresses). */
export type NameValue = number | Uint8Array;

export class Names {
  readonly #databases = new Map<string, Map<string, NameValue>>();

  /** Defines `name` in `database` for everything inside the compound `prefix` (`""` = everywhere, else ends with `/`). */
  define(database: string, prefix: string, name: string, value: NameValue): void {
    let table = this.#databases.get(database);
    if (table === undefined) {
      table = new Map();
      this.#databases.set(database, table);
    }
    table.set(prefix + name, value);
  }

  /** What `name` means to an element whose compound prefix is `prefix`: the innermost definition. */
  lookup(database: string, prefix: string, name: string): NameValue | undefined {
    const table = this.#databases.get(database);
    if (table === undefined) return undefined;
    for (const scope of scopes(prefix)) {
      const value = table.get(scope + name);
      if (value !== undefined) return value;
    }
    return undefined;
  }
}

/** The compound prefix of an element's name: `a/b/` for `a/b/c`. */
export function prefixOf(name: string): string {
  return name.slice(0, name.lastIndexOf("/") + 1);
}

/** `a/b/`, `a/`, `""`. */
export function scopes(prefix: string): string[] {
  const result = [prefix];
  while (prefix !== "") {
    prefix = prefix.slice(0, prefix.lastIndexOf("/", prefix.length - 2) + 1);
    result.push(prefix);
  }
  return result;
}
