// What a trace gives, as plain data.

/** What a trace is to be of. */
export interface TraceRequest {
  /** A pattern as IPClassifier takes; empty: every packet. */
  readonly filter: string;
  /** Packets to follow, 1 to TRACE_PACKETS; copies of them are followed as well. */
  readonly count: number;
  /** After so many seconds it ends, TRACE_SECONDS at most. */
  readonly seconds: number;
  /** Also give the packet's bytes at each element. */
  readonly bytes: boolean;
}

export const TRACE_PACKETS = 10_000;
export const TRACE_SECONDS = 3600;

/** What is through since the last time. */
export interface TraceReply {
  readonly packets: readonly TracedPacket[];
  /** Why there will be no more; null while there may be. */
  readonly end: TraceEnd | null;
}

export interface TraceEnd {
  /** `count`: as many as were asked for; `time`: its time is over; `stopped`: nobody wants it any more. */
  readonly end: "count" | "time" | "stopped";
  /** Packets that matched and were not followed, because too much waited to be read. */
  readonly missed: number;
}

/** One packet's way. */
export interface TracedPacket {
  /** From 1, in the order in which they came. */
  readonly number: number;
  /** Wall-clock time at which it was first seen. */
  readonly seconds: number;
  readonly nanoseconds: number;
  /** The packet that it was made from, by number; null when it is no copy. */
  readonly copyOf: number | null;
  /** Its headers in a line, as it was first seen. */
  readonly summary: string;
  readonly steps: readonly TraceStep[];
  /** Whether it went on after the last step, of which there are TRACE_STEPS at most. */
  readonly cut: boolean;
}

/** Elements that one packet is followed through. */
export const TRACE_STEPS = 200;

/** One element on a packet's way. */
export interface TraceStep {
  readonly element: string;
  readonly className: string;
  /** Nanoseconds since it was first seen. */
  readonly at: number;
  /** Null for where it comes from. */
  readonly input: number | null;
  /** Bytes of the packet as it entered, and as it left. */
  readonly length: number;
  readonly leftWith: number;
  /**
   * `output`: it went on; `dropped`: for the reason given; `left`: the element has it no more and gave it to no other
   * (sent, discarded, answered); `waits`: it was there when the trace ended.
   */
  readonly end: "output" | "dropped" | "left" | "waits";
  readonly output: number | null;
  readonly reason: string | null;
  /** What the packet starts with there. */
  readonly start: "ethernet" | "ip" | "other";
  /** Base64; only where it was asked for. */
  readonly bytes?: string;
}
