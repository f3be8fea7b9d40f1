// The ends of links, by the names that descriptors have for them: an instance of a function, and its device where it has
// several on the link.

/** A function as far as its ends matter. */
export interface EndOwner {
  readonly name: string;
  readonly replicas: number;
  /** The link behind each of its devices. */
  readonly devices: readonly { readonly name: string; readonly link: string }[];
}

/** The name of an end, a word: `paris:eth0`. */
export function endName(instance: string, device: string): string {
  const plain = (c: string): string => `%${c.codePointAt(0)!.toString(16)}`;
  return `${instance}:${device.replace(/[^\w.%-]/gu, plain)}`;
}

/** The ends of `link`: by each name that somebody may write, those that it can mean. */
export function endsOf(link: string, owners: Iterable<EndOwner>): ReadonlyMap<string, readonly string[]> {
  const ends = new Map<string, string[]>();
  for (const { name, replicas, devices } of owners) {
    const own = devices.filter((d) => d.link === link);
    for (let i = 1; own.length > 0 && i <= replicas; i++) {
      const instance = i === 1 ? name : `${name}-${i}`;
      const names = own.map((d) => endName(instance, d.name));
      ends.set(instance, names);
      for (const [k, end] of names.entries()) {
        ends.set(end, [end]);
        ends.set(`${instance}:${own[k].name}`, [end]);
      }
    }
  }
  return ends;
}
