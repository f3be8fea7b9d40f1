// A program for the tests: the two ends of a transfer.
//
//   node tcp-peer.js serve ADDRESS PORT       prints "ready", then for each connection its bytes and SHA-256
//   node tcp-peer.js send ADDRESS PORT BYTES  sends pseudo-random bytes and prints the same

import { createHash } from "node:crypto";
import { connect, createServer } from "node:net";

const [role, host, port, size] = process.argv.slice(2);

if (role === "serve") {
  createServer((socket) => {
    const hash = createHash("sha256");
    let bytes = 0;
    socket.on("data", (data: Buffer) => {
      hash.update(data);
      bytes += data.length;
    });
    socket.on("end", () => {
      console.log(`${bytes} ${hash.digest("hex")}`);
      socket.end();
    });
  }).listen(Number(port), host, () => console.log("ready"));
} else {
  const block = Buffer.alloc(256 * 1024 + 13);
  for (let i = 0, x = 1; i < block.length; i++) {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    block[i] = x >>> 16;
  }
  const hash = createHash("sha256");
  const socket = connect(Number(port), host);
  let left = Number(size);
  const more = (): void => {
    while (left > 0) {
      const data = block.subarray(0, Math.min(left, block.length));
      hash.update(data);
      left -= data.length;
      if (!socket.write(data)) {
        socket.once("drain", more);
        return;
      }
    }
    socket.end();
  };
  socket.on("connect", more);
  socket.on("end", () => console.log(`${size} ${hash.digest("hex")}`));
  socket.resume();
}
