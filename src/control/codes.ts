/** Response codes, as Click's manual lists them. */
export const CODES = {
  OK: 200,
  OK_WARNING: 220,
  SYNTAX: 500,
  UNIMPLEMENTED: 501,
  NO_SUCH_ELEMENT: 510,
  NO_SUCH_HANDLER: 511,
  HANDLER_ERROR: 520,
  DATA_TOO_BIG: 521,
  LLRPC_ERROR: 522,
  PERMISSION: 530,
  NO_ROUTER: 540,
  UNSPECIFIED: 590,
} as const;
