// The devices of a function in another thread or process: what is sent there, and what it makes of it.

import { type SharedEnd, SharedLinkDevice } from "../../device/shared-link.js";
import type { Impairments } from "../descriptor/model.js";
import type { Attached, KernelAttached } from "./attached.js";

/** What is behind a device name of a function, as plain data. */
export type PlainAttached =
  | { readonly name: string; readonly interface: string }
  | KernelAttached
  | {
      readonly name: string;
      /** One end of a link in shared memory, and what it does to the packets sent from it. */
      readonly shared: SharedEnd;
      readonly impairments: Impairments;
      readonly cut: boolean;
    };

/** Makes the device, in the thread or process that shall have it. */
export function attach(plain: PlainAttached): Attached {
  if (!("shared" in plain)) return plain;
  const end = new SharedLinkDevice(plain.shared, plain.impairments);
  end.impair(plain.impairments, plain.cut);
  return { name: plain.name, end };
}
