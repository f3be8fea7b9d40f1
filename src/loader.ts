// Finds what configurations name: element classes (ours through the built element map, others in packages), and
// library files.

import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { checkArgument, type Kind } from "./options.js";
import { Element, type ElementClass } from "./router/element.js";
import type { ElementLoader } from "./router/router.js";
import { SluiceError } from "./sluice-error.js";

/** The version of the element interface that plug-in packages declare. */
export const PLUGIN_API = 1;

const ELEMENT_CLASS: Kind = {
  words: "a class that extends Element and has a static spec with its ports",
  is: (v) =>
    typeof v === "function" &&
    v.prototype instanceof Element &&
    typeof (v as Partial<ElementClass>).spec?.ports === "string",
};
const CLASS_NAME: Kind = {
  words: "the name of a class as configurations write it",
  is: (v) => typeof v === "string" && /^[A-Za-z_][\w@]*$/.test(v),
};

const BUILT = new URL("../elements/", import.meta.url);

/** What a plug-in's package.json says under `sluice`. */
interface PluginManifest {
  readonly api: number;
  /** Class name -> file, relative to the package. */
  readonly elements: Readonly<Record<string, string>>;
  /** The same of each kind of other parts. */
  readonly [kind: string]: unknown;
}

/** Kinds of parts, beside elements, that packages may bring: each is a key of the manifest. */
const PART_KINDS = ["policies"] as const;

/** A package that could not be used; the message is Click's. */
export class PackageError extends SluiceError {
  readonly code = "PACKAGE";
}

/** The loader of one router: packages that it requires are known to it alone. */
export class Loader implements ElementLoader {
  readonly #files: Map<string, URL>;
  readonly #packages: string[] = [];
  readonly #given = new Map<string, ElementClass>();
  /** By kind, then name. */
  readonly #parts = new Map<string, Map<string, URL>>();
  /** Those that were asked for before, by their file. */
  readonly #loaded = new Map<URL, ElementClass>();

  constructor() {
    const map: Record<string, string> = JSON.parse(
      readFileSync(new URL("../elements.json", import.meta.url), "utf8"),
    );
    this.#files = new Map(Object.entries(map).map(([name, file]) => [name, new URL(file, BUILT)]));
  }

  /** Adds an element class that the embedding program brings, under its class name or `name`. It wins over others. */
  add(elementClass: ElementClass, name: string = elementClass?.name): void {
    checkArgument("Loader.add", "the element class", elementClass, ELEMENT_CLASS);
    checkArgument("Loader.add", "its name", name, CLASS_NAME);
    this.#given.set(name, elementClass);
  }

  has(className: string): boolean {
    return this.#given.has(className) || this.#files.has(className);
  }

  classes(): string[] {
    return [...new Set([...this.#given.keys(), ...this.#files.keys()])].sort();
  }

  packages(): string[] {
    return [...this.#packages];
  }

  load(className: string): ElementClass | Promise<ElementClass> {
    const given = this.#given.get(className);
    if (given !== undefined) return given;
    const file = this.#files.get(className);
    if (file === undefined) throw new PackageError(`unknown element class '${className}'`);
    return this.#loaded.get(file) ?? this.#import(className, file);
  }

  async #import(className: string, file: URL): Promise<ElementClass> {
    const found: unknown = (await import(file.href))[className];
    if (typeof found !== "function" || !("spec" in found))
      throw new PackageError(`${file.pathname} exports no element class '${className}'`);
    this.#loaded.set(file, found as ElementClass);
    return found as ElementClass;
  }

  part(kind: string, name: string): Promise<unknown> | null {
    const file = this.#parts.get(kind)?.get(name);
    return file === undefined ? null : importPart(name, file);
  }

  parts(kind: string): string[] {
    return [...(this.#parts.get(kind)?.keys() ?? [])];
  }

  async require(name: string, from: string): Promise<void> {
    if (this.#packages.includes(name)) return;
    const folder = this.#find(name, from);
    const manifest = readManifest(name, folder);
    const parts = PART_KINDS.map((kind) => [kind, filesOf(manifest, kind, name)] as const);
    for (const [className, file] of Object.entries(manifest.elements))
      this.#files.set(className, pathToFileURL(join(folder, file)));
    for (const [kind, files] of parts) {
      const known = this.#parts.get(kind) ?? new Map<string, URL>();
      this.#parts.set(kind, known);
      for (const [part, file] of Object.entries(files)) known.set(part, pathToFileURL(join(folder, file)));
    }
    this.#packages.push(name);
  }

  /** Walks `node_modules` up from the configuration file, as Node does. */
  #find(name: string, from: string): string {
    if (!/^(@[a-z0-9-~][a-z0-9-._~]*\/)?[a-z0-9-~][a-z0-9-._~]*$/i.test(name))
      throw new PackageError(failure(name, `'${name}' is not a package name`));
    const start = existsSync(from) ? dirname(resolve(from)) : process.cwd();
    for (let folder = start; ; folder = dirname(folder)) {
      const candidate = join(folder, "node_modules", name);
      if (existsSync(join(candidate, "package.json"))) return candidate;
      if (dirname(folder) === folder) break;
    }
    throw new PackageError(
      failure(
        name,
        `can't find required package '${name}'\nin node_modules of '${start}' or the folders above it`,
      ),
    );
  }
}

/** Texts of files, kept for as long as the files do not change. */
export class FileTexts {
  readonly #texts = new Map<string, { readonly stamp: string; readonly text: string }>();

  /** The file's bytes as characters up to U+00FF; null when there is none. Throws the system's error. */
  read(file: string): string | null {
    const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return null;
    const stamp = `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
    const known = this.#texts.get(file);
    if (known?.stamp === stamp) return known.text;
    const text = readFileSync(file, "latin1");
    this.#texts.set(file, { stamp, text });
    return text;
  }
}

/**
 * Finds library files for `require(library FILE)`: along `path` (each folder, then its `conf`), default beside `from`.
 * `texts` may be shared with other readers.
 */
export function libraryReader(
  path: string,
  texts: FileTexts = new FileTexts(),
): (file: string, from: string) => { file: string; text: string } | null {
  return (file, from) => {
    const beside = existsSync(from) ? dirname(from) : ".";
    const folders = path === "" ? [beside] : path.split(":").flatMap((f) => (f === "" ? [beside] : [f]));
    for (const folder of folders) {
      for (const inside of ["", "conf"]) {
        const candidate = join(folder, inside, file);
        const text = texts.read(candidate);
        if (text !== null) return { file: candidate, text };
      }
    }
    return null;
  };
}

function readManifest(name: string, folder: string): PluginManifest {
  let manifest: Partial<PluginManifest> | undefined;
  try {
    manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).sluice;
  } catch (e) {
    throw new PackageError(failure(name, `cannot read '${folder}/package.json': ${(e as Error).message}`));
  }
  if (typeof manifest?.elements !== "object" || manifest.elements === null)
    throw new PackageError(
      failure(name, `'${folder}/package.json' has no "sluice": { "api", "elements" }: not a plug-in`),
    );
  if (manifest.api !== PLUGIN_API)
    throw new PackageError(
      failure(name, `made for plug-in API ${manifest.api}, this program has ${PLUGIN_API}`),
    );
  return manifest as PluginManifest;
}

/** What a manifest has of a kind: file by name. */
function filesOf(manifest: PluginManifest, kind: string, name: string): Readonly<Record<string, string>> {
  const files = manifest[kind] ?? {};
  if (
    typeof files !== "object" ||
    files === null ||
    !Object.values(files).every((file) => typeof file === "string")
  )
    throw new PackageError(failure(name, `"${kind}" of its package.json is not an object of files by name`));
  return files as Record<string, string>;
}

async function importPart(name: string, file: URL): Promise<unknown> {
  const found: unknown = (await import(file.href))[name];
  if (found === undefined) throw new PackageError(`${file.pathname} exports no '${name}'`);
  return found;
}

function failure(name: string, why: string): string {
  return `While loading package '${name}':\n  ${why.replaceAll("\n", "\n  ")}\nrequirement '${name}' not available`;
}
