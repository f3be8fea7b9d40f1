// What stands in a stream between two hypervisors of services: records, each a type, a length and what it says.
//
//   0      1      2      3
//   +------+------+------+------+------+- - -
//   | type |    length of what  | what it says
//   +------+------+------+------+------+- - -
//
// The first is `begin` or `ask`; it has the stream's secret, so that nobody but who was told it is listened to.

import { timingSafeEqual } from "node:crypto";
import { SluiceError } from "../../sluice-error.js";
import { PAGE_BYTES } from "../instance/pages.js";

/** Numbers of the types, on the wire. */
const TYPES = { begin: 1, ask: 2, page: 3, last: 4, resumed: 5, failed: 6 } as const;

export const SECRET_BYTES = 16;
export const DIGEST_BYTES = 32;
const MAGIC = 0x534c474d;
const VERSION = 1;
const HEADER = 4;
/** Bytes of the longest name of a migration, and of the longest reason. */
export const NAME_MOST = 255;
/** Bytes of the longest record: a page. */
const LONGEST = 4 + PAGE_BYTES;

export type StreamRecord =
  /** The memory of a migration's machine follows. */
  | { readonly type: "begin"; readonly migration: string; readonly secret: Uint8Array }
  /** What has become of the migration? Answered by `resumed` or `failed`, after which it is that for ever. */
  | { readonly type: "ask"; readonly migration: string; readonly secret: Uint8Array }
  | { readonly type: "page"; readonly page: number; readonly bytes: Uint8Array }
  /** All has been sent, and the machine has left its links: SHA-256 of all, and how many pages that is. */
  | { readonly type: "last"; readonly pages: number; readonly digest: Uint8Array }
  /** From the destination: it runs there. */
  | { readonly type: "resumed" }
  /** From the destination: it does not and will not. */
  | { readonly type: "failed"; readonly reason: string };

/** A stream that says what it may not. */
export class RecordError extends SluiceError {
  readonly code = "RECORD";
}

export function encodeRecord(record: StreamRecord): Buffer {
  switch (record.type) {
    case "begin":
    case "ask": {
      const head = Buffer.alloc(5);
      head.writeUInt32BE(MAGIC);
      head[4] = VERSION;
      return framed(record.type, [head, record.secret, Buffer.from(record.migration)]);
    }
    case "page":
      return framed("page", [word(record.page), record.bytes]);
    case "last":
      return framed("last", [word(record.pages), record.digest]);
    case "failed":
      return framed("failed", [Buffer.from(record.reason).subarray(0, NAME_MOST)]);
    default:
      return framed(record.type, []);
  }
}

/** The records of a copy of pages. */
export function encodePages(numbers: readonly number[], bytes: Uint8Array): Buffer {
  return Buffer.concat(
    numbers.map((page, i) =>
      encodeRecord({ type: "page", page, bytes: bytes.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES) }),
    ),
  );
}

function word(n: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return bytes;
}

function framed(type: keyof typeof TYPES, parts: readonly Uint8Array[]): Buffer {
  const header = word(parts.reduce((sum, part) => sum + part.length, 0));
  header[0] = TYPES[type];
  return Buffer.concat([header, ...parts]);
}

/** Makes records of the bytes of a stream as they come. */
export class RecordReader {
  #rest = Buffer.alloc(0);

  /** The records that are whole now. Throws RecordError. */
  take(bytes: Uint8Array): StreamRecord[] {
    let rest = this.#rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes]);
    const records: StreamRecord[] = [];
    while (rest.length >= HEADER) {
      const length = rest.readUIntBE(1, 3);
      if (length > LONGEST) throw new RecordError(`a record of ${length} bytes`);
      if (rest.length < HEADER + length) break;
      records.push(decode(rest[0], rest.subarray(HEADER, HEADER + length)));
      rest = rest.subarray(HEADER + length);
    }
    this.#rest = Buffer.from(rest);
    return records;
  }
}

function decode(type: number, body: Buffer): StreamRecord {
  const exactly = (length: number): void => {
    if (body.length !== length) throw new RecordError(`a record of type ${type} with ${body.length} bytes`);
  };
  switch (type) {
    case TYPES.begin:
    case TYPES.ask: {
      if (body.length < 5 + SECRET_BYTES || body.readUInt32BE(0) !== MAGIC || body[4] !== VERSION)
        throw new RecordError("it begins with what is no migration's stream, or of another version");
      const secret = Buffer.from(body.subarray(5, 5 + SECRET_BYTES));
      const migration = body.subarray(5 + SECRET_BYTES).toString();
      if (Buffer.byteLength(migration) > NAME_MOST) throw new RecordError("a name that is too long");
      return { type: type === TYPES.begin ? "begin" : "ask", migration, secret };
    }
    case TYPES.page:
      exactly(4 + PAGE_BYTES);
      return { type: "page", page: body.readUInt32BE(0), bytes: Uint8Array.from(body.subarray(4)) };
    case TYPES.last:
      exactly(4 + DIGEST_BYTES);
      return { type: "last", pages: body.readUInt32BE(0), digest: Uint8Array.from(body.subarray(4)) };
    case TYPES.resumed:
      exactly(0);
      return { type: "resumed" };
    case TYPES.failed:
      if (body.length > NAME_MOST) throw new RecordError("a reason that is too long");
      return { type: "failed", reason: body.toString() };
    default:
      throw new RecordError(`a record of type ${type}`);
  }
}

export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
