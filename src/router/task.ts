// Tasks and their stride scheduler: each task runs in proportion to its tickets.

import { inspect } from "node:util";
import type { Graph } from "./graph.js";

/** Stride of a task with one ticket. */
const STRIDE_1 = 65536;
export const TICKETS_DEFAULT = 1024;
export const TICKETS_MAX = 32768;

/**
 * Work that an element does whenever the router has time. The function returns
 * whether it did any; a task that wants to run again calls `reschedule` in it.
 */
export class Task {
  readonly run: () => boolean;
  readonly #tasks: Tasks;
  #tickets = TICKETS_DEFAULT;
  pass = 0;
  /** In the queue of those that will run. */
  scheduled = false;
  /** Times it ran, and times it did something. */
  runs = 0;
  works = 0;

  constructor(tasks: Tasks, run: () => boolean) {
    this.#tasks = tasks;
    this.run = run;
  }

  get tickets(): number {
    return this.#tickets;
  }
  set tickets(n: number) {
    this.#tickets = Math.min(TICKETS_MAX, Math.max(1, Math.trunc(n)));
  }

  [inspect.custom](): string {
    return `Task { ${this.scheduled ? "scheduled" : "not scheduled"}, ${this.#tickets} tickets, ${this.runs} runs }`;
  }

  get stride(): number {
    return STRIDE_1 / this.#tickets;
  }

  /** Makes it run, if it does not wait to already. */
  reschedule(): void {
    if (!this.scheduled) this.#tasks.add(this);
  }

  unschedule(): void {
    if (this.scheduled) this.#tasks.remove(this);
  }
}

/** The database of names in which ScheduleInfo keeps its parameters, in tickets, by element or compound. */
export const SCHEDULE_INFO = "schedule info";

/** The tickets of `element`'s tasks: what ScheduleInfo says of it, scaled by what it says of each compound around it. */
export function scheduledTickets(element: { readonly name: string; readonly graph: Graph }): number {
  const { name, graph } = element;
  let tickets = TICKETS_DEFAULT;
  for (let end = name.length; end > 0; end = name.lastIndexOf("/", end - 1)) {
    const own = graph.names.lookup(SCHEDULE_INFO, "", name.slice(0, end));
    if (typeof own === "number") tickets = (tickets * own) / TICKETS_DEFAULT;
  }
  return tickets;
}

/** The scheduled tasks of one router, in order of pass, then of arrival. */
export class Tasks {
  /** Sorted; routers have few tasks at a time, and most come back near the end. */
  readonly #queue: Task[] = [];
  #pass = 0;
  #closed = false;
  /** Called when the queue stops being empty. */
  wake: () => void = () => {};

  get size(): number {
    return this.#queue.length;
  }

  /** Unschedules all of them; none can be scheduled any more. */
  close(): void {
    this.#closed = true;
    for (const task of this.#queue.splice(0)) task.scheduled = false;
  }

  add(task: Task): void {
    if (this.#closed) return;
    if (this.#queue.length === 0) this.wake();
    // A task that slept does not get to run often to make up for it.
    if (task.pass < this.#pass) task.pass = this.#pass;
    task.scheduled = true;
    this.#insert(task);
  }

  remove(task: Task): void {
    task.scheduled = false;
    this.#queue.splice(this.#queue.indexOf(task), 1);
  }

  /** Runs up to `limit` tasks; returns whether any did work. */
  run(limit: number): boolean {
    let worked = false;
    for (let i = 0; i < limit && this.#queue.length > 0; i++) {
      const task = this.#queue.shift()!;
      task.scheduled = false;
      this.#pass = task.pass;
      task.pass += task.stride;
      task.runs++;
      if (task.run()) {
        task.works++;
        worked = true;
      } else if (task.scheduled && this.#queue[0] === task && this.#queue.length > 1) {
        // Without work it goes behind the next one, whatever its tickets.
        this.#queue.shift();
        task.pass = this.#queue[0].pass;
        this.#insert(task);
      }
    }
    return worked;
  }

  #insert(task: Task): void {
    const queue = this.#queue;
    let i = queue.length;
    while (i > 0 && queue[i - 1].pass > task.pass) i--;
    if (i === queue.length) queue.push(task);
    else queue.splice(i, 0, task);
  }
}
