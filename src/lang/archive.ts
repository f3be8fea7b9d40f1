// ar(1) archives: Click takes a configuration packed with the files it needs.

import { SluiceError } from "../sluice-error.js";

const MAGIC = "!<arch>\n";
const HEADER = 60;
/** Members of one archive; a configuration has a handful. */
const MAX_MEMBERS = 10000;

/** An archive that is cut short or inconsistent. */
export class ArchiveError extends SluiceError {
  readonly code = "ARCHIVE";
}

function ascii(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}

/** A decimal field of a header, padded with spaces; -1 where it is none. */
function decimal(text: string): number {
  return /^\d{1,10} *$/.test(text) ? Number.parseInt(text, 10) : -1;
}

/**
 * The members of an ar(1) archive by name, contents as views of `bytes`; null
 * where the bytes are no archive. Of members of one name the first counts.
 * System V long names (`//` and `/12`) and BSD ones (`#1/12`) are understood.
 * The configuration is the member `config`.
 *
 * @throws ArchiveError where the archive is truncated or malformed
 */
export function readArchive(bytes: Uint8Array): Map<string, Uint8Array> | null {
  if (bytes.length < MAGIC.length || ascii(bytes, 0, MAGIC.length) !== MAGIC) return null;
  const members = new Map<string, Uint8Array>();
  let longNames: Uint8Array | null = null;
  for (let at = MAGIC.length, count = 0; at < bytes.length; count++) {
    if (count >= MAX_MEMBERS) throw new ArchiveError(`archive has more than ${MAX_MEMBERS} members`);
    const start = at + HEADER;
    if (start > bytes.length) throw new ArchiveError("truncated archive");
    if (ascii(bytes, at + 58, start) !== "`\n") {
      throw new ArchiveError("bad archive: missing header magic number");
    }
    const size = decimal(ascii(bytes, at + 48, at + 58));
    if (size < 0) throw new ArchiveError("bad size in archive");
    if (size > bytes.length - start) throw new ArchiveError("truncated archive");
    const field = ascii(bytes, at, at + 16);
    let data = bytes.subarray(start, start + size);
    const bsd = /^#1\/(\d{1,12}) *$/.exec(field);
    const systemV = /^\/(\d{1,15}) *$/.exec(field);
    let name: string | null;
    if (/^\/\/\s/.test(field)) {
      if (longNames !== null) throw new ArchiveError("two long name sections in archive");
      longNames = data;
      name = null;
    } else if (bsd !== null) {
      const length = Number(bsd[1]);
      if (length > size) throw new ArchiveError("bad long name in archive");
      name = new TextDecoder().decode(data.subarray(0, length)).replace(/\0+$/, "");
      data = data.subarray(length);
    } else if (systemV !== null) name = longName(longNames, Number(systemV[1]));
    else name = /^[^/\s]*/.exec(field)![0];
    // The symbol table has no name of its own.
    if (name !== null && name !== "" && !members.has(name)) members.set(name, data);
    at = start + size + (size % 2);
  }
  return members;
}

function longName(names: Uint8Array | null, offset: number): string {
  if (names === null || offset >= names.length) throw new ArchiveError("bad long name in archive");
  let end = offset;
  while (end < names.length && names[end] !== 0x2f && names[end] !== 0x0a) end++;
  return new TextDecoder().decode(names.subarray(offset, end));
}
