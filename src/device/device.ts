// The contract stands beside the router, which is asked for devices by name.

export * from "../router/device.js";
