// The kernels of the benchmarks, loaded over a router's memory like a plug-in's.

export { fusedEncap } from "./fused";
export { makeTraffic, makeTraffic6 } from "./traffic";
