// Words of the command line as others may see them. What a command was started with is in the system's list of
// processes, for everybody: secrets among it are overwritten there, though they were to be seen for a moment.

import { HIDDEN } from "../lang/args/secrets.js";

/** Says only where a secret is. */
const REFERRED = /^["']?(\d+:)?(file|env):/;
/** A secret behind `key`, in quotes or not. */
const KEY = /(^|[\s(,"'=])(key\s+)((?:\d+:)?(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,)"']+))/gi;
/** An argument that is a key: `PUBSUB_KEY ...`. */
const ARGUMENT = /((?:^|[\s(,])\w*_KEY\s+)([^,)]+)/g;
/** The same as a variable of the command line. */
const VARIABLE = /^(\w*KEY=)(.+)$/s;
/** `lisp decode --key EID-PREFIX=SECRET`. */
const DECODE = /^((?:--key=)?[^=]*=)(.+)$/s;

/** `words` with HIDDEN in place of secrets. */
export function wordsWithoutSecrets(words: readonly string[]): string[] {
  return words.map((word, i) => {
    const option = word.startsWith("--key=") && !word.slice(6).includes("=") ? /^(--key=)(.+)$/s : DECODE;
    if (words[i - 1] === "--key" || word.startsWith("--key=")) return hidden(word, option);
    if (VARIABLE.test(word)) return hidden(word, VARIABLE);
    const shown = word.replace(KEY, (all, before, key, secret) =>
      REFERRED.test(secret) ? all : `${before}${key}${HIDDEN}`,
    );
    return hidden(shown, ARGUMENT);
  });
}

/** `text` without the second part of what `pattern` finds, but for what says only where a secret is. */
function hidden(text: string, pattern: RegExp): string {
  return text.replace(pattern, (all, before, secret) => (REFERRED.test(secret) ? all : `${before}${HIDDEN}`));
}

/** Overwrites the words of this process with those without secrets, where there are any. */
export function hideOwnSecrets(words: readonly string[]): void {
  const shown = wordsWithoutSecrets(words);
  if (shown.some((word, i) => word !== words[i])) process.title = `sluice ${shown.join(" ")}`;
}

/** A word in an error: what may be a value, behind `=`, is not said. */
export function shownWord(word: string): string {
  const equals = word.indexOf("=");
  return equals < 0 ? word : `${word.slice(0, equals + 1)}${HIDDEN}`;
}
