// A program for tests: moves a given number of pseudo-random bytes over TCP or UDP and prints their SHA-256.
//
//   transfer serve tcp|udp ADDRESS PORT       prints "ready", then "BYTES SHA256" when the sender is done
//   transfer send tcp|udp ADDRESS PORT BYTES [DATAGRAM]   prints "BYTES SHA256"
//
// Over UDP each datagram carries a number; the receiver acknowledges each, and what is not acknowledged in time is
// sent again, so that the transfer measures integrity, not luck.

import { createHash, type Hash } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";

const [role, protocol, address, portText, bytesText, datagramText] = process.argv.slice(2);
const port = Number(portText);
const bytes = Number(bytesText);

/** Bytes `from` to `from + length` of the stream: a multiplicative sequence, the same at both ends. */
function stream(from: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) buffer[i] = (Math.imul(from + i, 2654435761) >>> 23) & 0xff;
  return buffer;
}

function done(total: number, hash: Hash): void {
  process.stdout.write(`${total} ${hash.digest("hex")}\n`);
}

function serveTcp(): void {
  const server = createServer((socket) => {
    const hash = createHash("sha256");
    let total = 0;
    socket.on("data", (data) => {
      hash.update(data);
      total += data.length;
    });
    socket.on("end", () => {
      socket.end();
      server.close();
      done(total, hash);
    });
  });
  server.listen(port, address, () => process.stdout.write("ready\n"));
}

function sendTcp(): void {
  const socket = connect(port, address);
  const hash = createHash("sha256");
  let sent = 0;
  const more = (): void => {
    while (sent < bytes) {
      const data = stream(sent, Math.min(65536, bytes - sent));
      sent += data.length;
      hash.update(data);
      if (!socket.write(data)) {
        socket.once("drain", more);
        return;
      }
    }
    socket.end();
  };
  socket.on("connect", more);
  socket.on("close", () => done(sent, hash));
}

function serveUdp(): void {
  const family = address.includes(":") ? "udp6" : "udp4";
  const socket = createSocket({ type: family, recvBufferSize: 4 << 20 });
  const hash = createHash("sha256");
  const early = new Map<number, Buffer>();
  let next = 0;
  let total = 0;
  socket.on("message", (message, peer) => {
    const number = message.readUInt32BE(0);
    socket.send(message.subarray(0, 4), peer.port, peer.address);
    if (number === 0xffffffff) {
      socket.close();
      done(total, hash);
      return;
    }
    if (number >= next && !early.has(number)) early.set(number, Buffer.from(message.subarray(4)));
    for (let data = early.get(next); data !== undefined; data = early.get(next)) {
      early.delete(next++);
      hash.update(data);
      total += data.length;
    }
  });
  socket.bind(port, address, () => process.stdout.write("ready\n"));
}

async function sendUdp(datagram: number): Promise<void> {
  const family = address.includes(":") ? "udp6" : "udp4";
  const socket = createSocket({ type: family, recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
  const hash = createHash("sha256");
  const waiting = new Map<number, Buffer>();
  let wake = (): void => {};
  socket.on("message", (message) => {
    waiting.delete(message.readUInt32BE(0));
    if (waiting.size < WINDOW / 2) wake();
  });
  // A refused or too long datagram is one that has to be sent again.
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.connect(port, address, resolve));
  const transmit = (message: Buffer): void => socket.send(message, () => {});
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const WINDOW = 96;
  let number = 0;
  for (let sent = 0; sent < bytes || waiting.size > 0; ) {
    while (sent < bytes && waiting.size < WINDOW) {
      const data = stream(sent, Math.min(datagram, bytes - sent));
      sent += data.length;
      hash.update(data);
      const head = Buffer.alloc(4);
      head.writeUInt32BE(number);
      const message = Buffer.concat([head, data]);
      waiting.set(number++, message);
      transmit(message);
    }
    const before = waiting.size;
    await pause(50);
    if (waiting.size === before) for (const message of waiting.values()) transmit(message);
  }
  const end = Buffer.alloc(4, 0xff);
  waiting.set(0xffffffff, end);
  for (let i = 0; i < 20 && waiting.size > 0; i++) {
    transmit(end);
    await pause(50);
  }
  socket.close();
  done(bytes, hash);
}

if (role === "serve") (protocol === "tcp" ? serveTcp : serveUdp)();
else if (protocol === "tcp") sendTcp();
else await sendUdp(Number(datagramText ?? 1400));
