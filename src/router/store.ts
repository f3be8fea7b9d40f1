// Where elements keep what outlives their router: a store asks little, so that
// there can be many kinds.

import { SluiceError } from "../sluice-error.js";

/** A key and its new value; null takes the key out. */
export interface StoreOperation {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** Keys (1 to 300 bytes) and values that outlive the process. Its methods reject with StoreError. */
export interface Store {
  /**
   * Tells `each` of every key and value there is, in any order; both are its to keep. Resolves with the number of
   * keys that the store knows it has lost.
   */
  load(each: (key: Uint8Array, value: Uint8Array) => void): Promise<number>;
  /**
   * Applies all operations or none. Once it resolves they outlive a crash of program, system and power;
   * when it rejects they may or may not have been applied. Not called again before it has settled.
   */
  commit(operations: readonly StoreOperation[]): Promise<void>;
  /** Gives everything back. Nothing is called afterwards. */
  close(): Promise<void>;
}

/** A store that cannot be opened, read or written. */
export class StoreError extends SluiceError {
  readonly code = "STORE";

  /** Whether the same may be done later, or elsewhere. */
  get passing(): boolean {
    return true;
  }
}

/** Told what others have written. Key and value are its to keep. */
export type StoreNews = (key: Uint8Array, value: Uint8Array | null) => void;

/** The stores of one router, where it is not to open real ones by itself. */
export interface StoreProvider {
  /**
   * Opens the store that a configuration calls `name` (`lmdb:FOLDER`). Where others write to it as well, `news` is told
   * what, if it is given: a key, and its value; null: it is gone. Rejects with StoreError.
   */
  open(name: string, news?: StoreNews): Promise<Store>;
  /** Whether a store is open: what is done with it goes on in Node's turns, at the same moment of simulated time. */
  readonly used: boolean;
}
