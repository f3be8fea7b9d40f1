// What elements offer to others that name them in an argument.

import type { Element, ErrorSink } from "./element.js";

/** Sends through a device, whose MTU may change. */
export interface ToDeviceOffer {
  /** Calls `listener` with the MTU, as soon as the device is open and whenever it changes. */
  followMtu(listener: (mtu: number) => void): void;
}

/**
 * What may be asked of an element, by the name of the class that its element stands for. Rooms above add theirs by
 * module augmentation, as `src/device/neighbours/` and `src/lisp/offers/` do.
 */
export interface Offers {
  ToDevice: ToDeviceOffer;
}

/**
 * What `value`, an argument of type `element`, offers under `name`; null, and an error that names the argument, where it
 * does not. Not given (undefined): null without an error.
 */
export function offerOf<N extends keyof Offers>(
  value: unknown,
  name: N,
  argument: string,
  errors: ErrorSink,
): Offers[N] | null {
  if (value === undefined) return null;
  const offer = (value as Element).offers()[name];
  if (offer !== undefined) return offer;
  errors.error(`${argument} is not a ${name}`);
  return null;
}
