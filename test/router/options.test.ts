// What the library says to options and arguments that it does not take, and how its objects look when they are printed.

import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  Batch,
  decodeLispControl,
  Element,
  encodeLispControl,
  Loader,
  MapProvider,
  makeLink,
  OptionError,
  Packet,
  PacketMemory,
  Router,
  SimulatedClock,
  Simulation,
  SystemProvider,
} from "../../src/index.js";
import {
  Manager,
  parseDescriptor,
  RealWorld,
  readDescriptor,
  Service,
  ServiceFolder,
  SimulatedWorld,
} from "../../src/vnf/index.js";

/** Arguments of the wrong type, which TypeScript would not let through. */
// biome-ignore lint/suspicious/noExplicitAny: that is the point
const wrong = (value: unknown): any => value;

const router = await Router.fromText("Idle -> i :: Null -> q :: Queue -> Discard", {
  clock: new SimulatedClock(),
});

const cases: readonly (readonly [what: string, call: () => unknown, message: RegExp])[] = [
  [
    "a misspelt option",
    () => new Router(wrong({ memroy: {} })),
    /^Router: there is no option 'memroy' \(there are: loader, memory, /,
  ],
  ["no object", () => new Router(wrong(42)), /^Router: the options must be an object of options, not 42$/],
  ["a loader", () => new Router(wrong({ loader: {} })), /option 'loader' must be an element loader/],
  ["a clock", () => new Router(wrong({ clock: "now" })), /option 'clock' must be a clock .*, not 'now'$/],
  ["a seed", () => new Router(wrong({ seed: Number.NaN })), /option 'seed' must be a number .*, not NaN$/],
  ["variables", () => new Router(wrong({ variables: { A: 1 } })), /option 'variables' must be an object/],
  ["a log", () => new Router(wrong({ log: "x" })), /option 'log' must be a function, not 'x'$/],
  ["a flag", () => new Router(wrong({ metered: 1 })), /option 'metered' must be true or false, not 1$/],
  ["no text", () => Router.fromText(wrong(7)), /^start: the configuration must be a string, not 7$/],
  ["no file", () => Router.fromFile(wrong(null)), /^Router.fromFile: the file's name must be a string/],
  ["a name", () => router.find(wrong(3)), /^find: the element's name must be a string, not 3$/],
  ["a path", () => router.read(wrong({})), /^handler: the handler's name must be a string, not an object/],
  ["parameters", () => router.read("q.length", wrong(1)), /^read: the parameters must be a string, not 1$/],
  ["a value", () => router.write("q.capacity", wrong(9)), /^write: the value must be a string, not 9$/],
  ["bytes", () => router.inject("i", wrong("abc")), /^inject: the packet must be a Uint8Array, not 'abc'$/],
  [
    "a port",
    () => router.inject("i", new Uint8Array(60), -1),
    /^inject: the port must be a whole number from 0 to 65535, not -1$/,
  ],
  [
    "a count",
    () => router.take("q", -1),
    /^take: the number of packets must be a whole number of at least 0/,
  ],
  ["rounds", () => router.step(0.5), /^step: the number of rounds must be a whole number/],
  ["a time", () => router.runFor(wrong("1s")), /^runFor: the time must be a number of at least 0, not '1s'$/],
  ["an endless time", () => router.runFor(Number.POSITIVE_INFINITY), /^runFor: the time/],
  ["requests", () => router.stop(wrong("2")), /^stop: the number of requests/],
  [
    "a swap",
    () => router.swap(wrong(undefined)),
    /^swap: the configuration must be a string, not undefined$/,
  ],
  ["metering", () => router.meter(wrong("on")), /^meter: whether it is on must be true or false, not 'on'$/],
  ["an observer", () => router.observe(wrong({})), /^observe: the observer must be an observer .*, or null/],
  ["no class", () => new Loader().add(wrong(42)), /^Loader.add: the element class must be a class that/],
  ["no element", () => new Loader().add(wrong(class A {})), /not the function A$/],
  ["no spec", () => new Loader().add(wrong(class B extends Element {})), /a static spec/],
  ["a link's option", () => makeLink(wrong({ latency: 1 })), /^makeLink: there is no option 'latency'/],
  ["a link's delay", () => makeLink({ delay: -1 }), /option 'delay' must be a number of at least 0, not -1$/],
  ["a link's loss", () => makeLink({ loss: 2 }), /option 'loss' must be a number from 0 to 1, not 2$/],
  [
    "a link's MTU",
    () => makeLink({ mtu: 1.5 }),
    /option 'mtu' must be a whole number of at least 0, not 1.5$/,
  ],
  ["a link's MACs", () => makeLink(wrong({ macs: [1, 2] })), /option 'macs' must be two of: 6 bytes/],
  ["a link's kind", () => makeLink(wrong({ linkType: "atm" })), /must be 'ethernet' or 'ip', not 'atm'$/],
  ["a link's room", () => makeLink({ flight: { packets: 0 } }), /^makeLink: flight: option 'packets' must/],
  ["no schedule", () => makeLink({ clock: new SimulatedClock() }), /option 'schedule' is missing/],
  ["devices", () => new MapProvider(wrong(3)), /^MapProvider: the devices must be pairs/],
  ["a device", () => new MapProvider(wrong([["eth0", {}]])), /^MapProvider: device 'eth0' must be a device/],
  ["a report", () => new SystemProvider(wrong({ report: 1 })), /^SystemProvider: option 'report'/],
  ["a seed", () => new Simulation(wrong("x")), /^Simulation: the seed must be a number/],
  ["an epoch", () => new SimulatedClock(Number.NaN), /^SimulatedClock: the epoch must be a number/],
  ["a router", () => new Simulation().add(wrong({})), /^Simulation.add: the router must be a router/],
  ["a memory", () => new Packet(wrong(null)), /^Packet: the memory must be a router's memory .*, not null$/],
  [
    "a message's bytes",
    () => decodeLispControl(wrong("abc")),
    /the message must be a Uint8Array, not 'abc'$/,
  ],
  ["a message", () => encodeLispControl(wrong(null)), /^encodeLispControl: the message must be a message/],
  ["a descriptor", () => Service.instantiate(wrong({}), wrong({})), /^Service.instantiate: the descriptor/],
  [
    "a text",
    () => parseDescriptor(wrong(1), "x"),
    /^parseDescriptor: the descriptor's text must be a string/,
  ],
  ["a file", () => readDescriptor(wrong(1)), /^readDescriptor: the file's name must be a string, not 1$/],
  [
    "a manager's options",
    () => Manager.instantiate(wrong({ functions: new Map(), links: new Map() }), wrong({ prot: 1 })),
    /^Manager.instantiate: there is no option 'prot'/,
  ],
  [
    "a manager's world",
    () => Manager.instantiate(wrong({ functions: new Map(), links: new Map() }), wrong({ port: 1 })),
    /^Manager.instantiate: option 'world' is missing/,
  ],
];

for (const [what, call, message] of cases) {
  test(`${what}: ${message.source}`, async () => {
    let error: unknown = null;
    try {
      await call();
    } catch (e) {
      error = e;
    }
    assert.instance(error, OptionError, String(error));
    assert.is((error as OptionError).code, "BAD_OPTION");
    assert.match((error as OptionError).message, message);
  });
}

test("an option that is undefined is not given", () => {
  new Router({ clock: undefined, log: undefined } as never).close();
  makeLink({ delay: undefined } as never);
});

test("what is made of megabytes is printed in one line", () => {
  const batch = router.batches.acquire();
  const [end] = makeLink();
  const memory = new PacketMemory({ slots: 16 });
  const queue = router.find("q");
  const things = {
    router,
    memory,
    queue,
    batch,
    batches: router.batches,
    packet: new Packet(memory),
    graph: router.graph,
    driver: router.driver,
    output: router.find("i")?.outputs[0],
    task: router.find("Discard@4")?.tasks[0],
    loader: new Loader(),
    end,
    map: new MapProvider([["a", end]]),
    system: new SystemProvider(),
    simulation: new Simulation(),
    real: new RealWorld(),
    simulated: new SimulatedWorld(1),
    folder: new ServiceFolder("x", "/tmp/y"),
    another: new Batch(memory, 0),
  };
  for (const [name, thing] of Object.entries(things)) {
    const text = inspect(thing);
    assert.is(text.includes("\n"), false, `${name}: ${text.slice(0, 200)}`);
    assert.is(text.length < 120, true, `${name}: ${text.slice(0, 200)}`);
  }
  assert.is(inspect(router), "Router { config, open, 4 elements }");
  assert.is(inspect(queue), "Element { q :: Queue }");
  router.batches.release(batch);
});

test("the router is closed at the end", () => router.close());

test.run();
