// Packet bytes as text, as Click's Print and IPPrint write them.

/** Bytes in hexadecimal, a space after every four; `perLine` > 0 breaks lines (each begins with a newline and two spaces). */
export function hexText(bytes: Uint8Array, start: number, length: number, perLine = 0): string {
  let text = "";
  for (let i = 0; i < length; i++) {
    if (perLine > 0 && i % perLine === 0) text += "\n  ";
    else if (i > 0 && i % 4 === 0) text += " ";
    const byte = bytes[start + i];
    text += (byte < 16 ? "0" : "") + byte.toString(16);
  }
  return text;
}

/** Bytes as characters, a dot for what is not printable, a space before every eight; `perLine` as above. */
export function asciiText(bytes: Uint8Array, start: number, length: number, perLine = 0): string {
  let text = "";
  for (let i = 0; i < length; i++) {
    if (perLine > 0 && i % perLine === 0) text += "\n  ";
    else if (i % 8 === 0) text += " ";
    const byte = bytes[start + i];
    text += byte < 32 || byte > 126 ? "." : String.fromCharCode(byte);
  }
  return text;
}

/** What of a packet's data is printed. */
export type ContentsMode = "none" | "hex" | "ascii";

/** The mode that a CONTENTS argument names, in any case; true means HEX, false NONE. Null when it names none. */
export function contentsMode(word: string): ContentsMode | null {
  switch (word.toLowerCase()) {
    case "none":
    case "false":
    case "no":
    case "f":
    case "n":
    case "0":
      return "none";
    case "hex":
    case "true":
    case "yes":
    case "t":
    case "y":
    case "1":
      return "hex";
    case "ascii":
      return "ascii";
    default:
      return null;
  }
}
