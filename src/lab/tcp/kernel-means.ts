// What the kernel's TCP gave, as test/lab/record-tcp.ts wrote it.

export const RECORDED = {
  kernel: "Linux 6.18.44-fc-v595",
  date: "2026-12-01",
  runs: 3,
  command: "sluice lab tcp --real --only rate=2,10 --only rtt=20,200 --only queue=0.5,2 --seeds 3",
} as const;

/** `rate rtt queue loss` of a cell, in the experiment's units -> mean throughput, Mb/s. */
export const KERNEL_MEANS: Readonly<Record<string, number>> = {
  "2 20 0.5 0": 1.569,
  "2 20 0.5 0.1": 1.583,
  "2 20 0.5 1": 1.455,
  "2 20 2 0": 1.908,
  "2 20 2 0.1": 1.905,
  "2 20 2 1": 1.862,
  "2 200 0.5 0": 1.89,
  "2 200 0.5 0.1": 1.811,
  "2 200 0.5 1": 0.971,
  "2 200 2 0": 1.891,
  "2 200 2 0.1": 1.879,
  "2 200 2 1": 0.94,
  "10 20 0.5 0": 9.254,
  "10 20 0.5 0.1": 9.054,
  "10 20 0.5 1": 5.224,
  "10 20 2 0": 9.519,
  "10 20 2 0.1": 9.482,
  "10 20 2 1": 5.316,
  "10 200 0.5 0": 9.246,
  "10 200 0.5 0.1": 5.183,
  "10 200 0.5 1": 1.361,
  "10 200 2 0": 9.259,
  "10 200 2 0.1": 5.622,
  "10 200 2 1": 1.094,
};
