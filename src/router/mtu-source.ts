// Elements that follow the MTU of the device that another element sends through.

import type { Element, ErrorSink } from "./element.js";

/** An element that knows a device's MTU, which may change. */
export interface MtuSource {
  /** Calls `listener` with the MTU, as soon as the device is open and whenever it changes. */
  followMtu(listener: (mtu: number) => void): void;
}

/** The source that an argument of kind `element` names; null where it is not given, or is none, which is reported. */
export function mtuSourceOf(value: unknown, name: string, errors: ErrorSink): MtuSource | null {
  if (value === undefined) return null;
  const element = value as Element & Partial<MtuSource>;
  if (element.followMtu !== undefined) return element as Element & MtuSource;
  errors.error(`${name} is no element that sends through a device, as ToDevice does`);
  return null;
}
