// Every kernel the router's own elements call. One module, one instance a
// router; numbers in, numbers out; no statics, no data segments.

export * from "./heap";
export * from "./pool";
export * from "./batch";
