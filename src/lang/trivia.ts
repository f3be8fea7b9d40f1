// What stands between tokens: white space, comments, line directives.

export interface Trivia {
  /** `comment` is `//…` without its line end, or a block comment; `directive` a `#` line without its line end. */
  readonly kind: "space" | "newline" | "comment" | "directive";
  readonly text: string;
}

/**
 * The pieces of the text before a token, which together are that text.
 * `atLineStart`: whether the text begins a line, as a directive must.
 */
export function splitTrivia(text: string, atLineStart: boolean): Trivia[] {
  const pieces: Trivia[] = [];
  const pattern = /(\r\n|[\r\n])|(\/\/[^\r\n]*|\/\*[\s\S]*?(?:\*\/|$))|(#[^\r\n]*)|[^\r\n/#]+|[\s\S]/y;
  for (let found = pattern.exec(text); found !== null && found[0] !== ""; found = pattern.exec(text)) {
    const [piece, newline, comment, directive] = found;
    let kind: Trivia["kind"] = "space";
    if (newline !== undefined) kind = "newline";
    else if (comment !== undefined) kind = "comment";
    else if (directive !== undefined && atLineStart) kind = "directive";
    pieces.push({ kind, text: piece });
    atLineStart = newline !== undefined || (comment !== undefined && /[\r\n]$/.test(comment));
  }
  return pieces;
}
