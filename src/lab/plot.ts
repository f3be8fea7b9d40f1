// Plots of an experiment as SVG, drawn by Vega from a Vega-Lite description. Both are loaded for this only.

import { columnTitle } from "./csv.js";
import { type Experiment, type Group, LabError, type Plot } from "./experiment.js";

// Of the two packages only what is used: their own declarations need a browser's.
interface Vega {
  parse(spec: unknown): unknown;
  View: new (
    runtime: unknown,
    options: { renderer: "none" },
  ) => { toSVG(): Promise<string>; finalize(): void };
}
interface VegaLite {
  compile(spec: unknown): { readonly spec: unknown };
}

const WIDTH = 260;
const HEIGHT = 200;
const WIDE = { width: 560, height: 340 };

/** Imports a package by its name. */
export type Importer = (name: string) => Promise<unknown>;

/** The plots, one below the other. Rejects with LabError where the packages are not installed. */
export async function svg(
  experiment: Experiment,
  groups: readonly Group[],
  importer: Importer = (name) => import(name),
): Promise<string> {
  const vega = await load<Vega>("vega", importer);
  const { compile } = await load<VegaLite>("vega-lite", importer);
  const view = new vega.View(vega.parse(compile(description(experiment, groups)).spec), { renderer: "none" });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}

async function load<T>(name: string, importer: Importer): Promise<T> {
  try {
    return (await importer(name)) as T;
  } catch (e) {
    throw new LabError(
      "PLOT",
      `plots need the npm package '${name}': ${(e as Error).message.split("\n")[0]}`,
    );
  }
}

/** The Vega-Lite description, data included. */
export function description(experiment: Experiment, groups: readonly Group[]): unknown {
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: `${experiment.title} (${groups[0]?.world ?? "no rows"})`,
    vconcat: experiment.plots.map((plot) => one(experiment, plot, groups)),
    resolve: { scale: { color: "independent" } },
    config: { view: { continuousWidth: WIDTH, continuousHeight: HEIGHT } },
  };
}

function one(experiment: Experiment, plot: Plot, groups: readonly Group[]): unknown {
  const { x, y, colour, column, row, stated = [], xScale = "linear", yScale = "linear" } = plot;
  const title = (name: string): string => {
    const all = [...experiment.parameters, ...(experiment.keys ?? []), ...experiment.measures];
    const found = all.find((c) => c.name === name);
    return found === undefined ? name : columnTitle(found);
  };
  const values = groups.flatMap(({ cell, keys, measures }) => {
    const s = measures[y];
    if (s === null || s === undefined) return [];
    const half = s.ci95 ?? 0;
    return [{ ...cell, ...keys, value: s.mean, low: s.mean - half, high: s.mean + half }];
  });
  const axis = { field: x, type: "quantitative", title: title(x), scale: { type: xScale, zero: false } };
  const encoding = {
    x: axis,
    ...(colour === undefined ? {} : { color: { field: colour, type: "nominal", title: title(colour) } }),
  };
  const up = (field: string): unknown => ({
    field,
    type: "quantitative",
    title: title(y),
    scale: { type: yScale },
  });
  const layer: unknown[] = [
    { mark: { type: "line", point: true }, encoding: { ...encoding, y: up("value") } },
    { mark: "rule", encoding: { ...encoding, y: up("low"), y2: { field: "high" } } },
  ];
  if (stated.length > 0)
    layer.push({
      data: { values: stated.map((s) => ({ [x]: s.x, value: s.y, label: s.label })) },
      mark: { type: "point", shape: "diamond", filled: true, size: 80 },
      encoding: { x: axis, y: up("value"), color: { field: "label", type: "nominal", title: "stated" } },
    });
  const facet = {
    ...(column === undefined ? {} : { column: { field: column, type: "ordinal", title: title(column) } }),
    ...(row === undefined ? {} : { row: { field: row, type: "ordinal", title: title(row) } }),
  };
  if (column === undefined && row === undefined)
    return { title: plot.title, ...WIDE, data: { values }, layer };
  return { title: plot.title, data: { values }, facet, spec: { layer } };
}
