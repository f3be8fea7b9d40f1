// The Internet checksum (RFC 1071) the slow and obvious way: what the kernels are checked against.

export function onesSum(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i] * 256 + (i + 1 < bytes.length ? bytes[i + 1] : 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

/** Sum of the pseudo-header of the IP packet at `network`. */
export function pseudoSum(
  frame: Uint8Array,
  network: number,
  version: 4 | 6,
  protocol: number,
  length: number,
): number {
  const addresses =
    version === 4 ? frame.subarray(network + 12, network + 20) : frame.subarray(network + 8, network + 40);
  return onesSum(Uint8Array.of(0, protocol, length >>> 8, length & 255), onesSum(addresses));
}

/** What is wrong with the checksums and lengths of the IP packet at `network`; nothing for other protocols than TCP and UDP. */
export function checksumErrors(frame: Uint8Array, network: number): string[] {
  const errors: string[] = [];
  const b = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  const version = (b[network] >>> 4) as 4 | 6;
  let transport = network + 40;
  let end = network + 40 + b.readUInt16BE(network + 4);
  let protocol = b[network + 6];
  if (version === 4) {
    transport = network + (b[network] & 15) * 4;
    end = network + b.readUInt16BE(network + 2);
    protocol = b[network + 9];
    if (onesSum(b.subarray(network, transport)) !== 0xffff) errors.push("IPv4 header checksum");
  } else {
    while (protocol === 0 || protocol === 60 || protocol === 43) {
      protocol = b[transport];
      transport += (b[transport + 1] + 1) * 8;
    }
  }
  if (end > b.length) return [...errors, `length ${end} in ${b.length} bytes`];
  if (protocol !== 6 && protocol !== 17) return errors;
  const length = end - transport;
  if (protocol === 17 && b.readUInt16BE(transport + 4) !== length) errors.push("UDP length");
  if (protocol === 17 && version === 4 && b.readUInt16BE(transport + 6) === 0) return errors;
  const pseudo = pseudoSum(b, network, version, protocol, length);
  if (onesSum(b.subarray(transport, end), pseudo) !== 0xffff) errors.push(`checksum of protocol ${protocol}`);
  return errors;
}
