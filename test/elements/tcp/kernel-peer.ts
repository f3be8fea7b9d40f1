// A program for tests, run in a namespace: TCP by the kernel, with the stream of TCPSource.
//
//   node kernel-peer.js serve ADDRESS PORT        prints "ready", then for each connection its bytes and how many were wrong
//   node kernel-peer.js send ADDRESS PORT BYTES   sends the stream, and prints "sent" when both ends have closed

import { connect, createServer } from "node:net";
import { streamErrors, writeStream } from "../../../src/transport/tcp/stream.js";

const SEED = 1;
const BLOCK = 65536;
const [role, host, port, size] = process.argv.slice(2);

if (role === "serve") {
  createServer({ allowHalfOpen: true }, (socket) => {
    let bytes = 0;
    let wrong = 0;
    socket.on("data", (data: Buffer) => {
      wrong += streamErrors(
        new DataView(data.buffer, data.byteOffset, data.length),
        0,
        SEED,
        bytes,
        data.length,
      );
      bytes += data.length;
    });
    socket.on("end", () => {
      console.log(`${bytes} ${wrong}`);
      socket.end();
    });
    socket.on("error", (error) => console.log(`${bytes} ${(error as NodeJS.ErrnoException).code}`));
  }).listen(Number(port), host, () => console.log("ready"));
} else {
  const socket = connect(Number(port), host);
  const all = Number(size);
  let sent = 0;
  const more = (): void => {
    while (sent < all) {
      const block = Buffer.allocUnsafeSlow(Math.min(BLOCK, all - sent));
      writeStream(new DataView(block.buffer), 0, SEED, sent, block.length);
      sent += block.length;
      if (!socket.write(block)) {
        socket.once("drain", more);
        return;
      }
    }
    socket.end();
  };
  socket.on("connect", more);
  socket.on("end", () => console.log("sent"));
  socket.on("error", (error) => console.log((error as NodeJS.ErrnoException).code));
  socket.resume();
}
