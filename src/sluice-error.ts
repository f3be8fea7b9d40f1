// What the errors of this library have in common: a class each, whose name they bear, and a code that stays the same.

/** An error whose class has one code: `readonly code = "STORE"`. */
export abstract class SluiceError extends Error {
  abstract readonly code: string | number;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** An error whose class has several codes. */
export abstract class CodedError<C extends string | number = string> extends SluiceError {
  readonly code: C;

  constructor(code: C, message: string) {
    super(message);
    this.code = code;
  }
}
