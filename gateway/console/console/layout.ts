// Where the nodes of a run are drawn: each right of all that it needs, with few crossings.

import type { Node } from "./types.ts";

export const HEIGHT = 46;
const NARROWEST = 140;
const LETTER = 8;
const BESIDE = 48;
const GAP_X = 56;
const GAP_Y = 18;
const MARGIN = 12;

export interface Spot {
  node: Node;
  x: number;
  y: number;
}

export interface Edge {
  from: string;
  to: string;
  path: string;
}

export interface Drawing {
  /** How wide each node is: as wide as the longest name needs. */
  wide: number;
  width: number;
  height: number;
  spots: Spot[];
  edges: Edge[];
}

/** A node, or a bend of an edge that goes past others. */
interface Place {
  key: string;
  layer: number;
  before: string[];
  row: number;
}

/** Lays out the graph of a run. */
export function drawing(nodes: Node[]): Drawing {
  const longest = Math.max(0, ...nodes.map((node) => node.id.length));
  const wide = Math.max(NARROWEST, longest * LETTER + BESIDE);
  const layers = layersOf(nodes);
  const places = new Map<string, Place>();
  const routes = nodes.flatMap((node) => node.needs.map((need) => route(need, node.id, layers)));
  for (const node of nodes) {
    places.set(node.id, { key: node.id, layer: layers.get(node.id) ?? 0, before: [], row: 0 });
  }
  for (const stops of routes) {
    for (const [index, key] of stops.entries()) {
      const layer = (layers.get(stops[0] ?? "") ?? 0) + index;
      const place = places.get(key) ?? { key, layer, before: [], row: 0 };
      const former = stops[index - 1];
      if (former !== undefined) place.before.push(former);
      places.set(key, place);
    }
  }
  arrange([...places.values()], places);
  const rows = Math.max(1, ...[...places.values()].map((place) => place.row + 1));
  const columns = Math.max(1, ...[...places.values()].map((place) => place.layer + 1));
  const corner = (key: string) => ({
    x: MARGIN + (places.get(key)?.layer ?? 0) * (wide + GAP_X),
    y: MARGIN + (places.get(key)?.row ?? 0) * (HEIGHT + GAP_Y),
  });
  return {
    wide,
    width: columns * (wide + GAP_X) - GAP_X + 2 * MARGIN,
    height: rows * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN,
    spots: nodes.map((node) => ({ node, ...corner(node.id) })),
    edges: routes.map((stops) => ({
      from: stops[0] ?? "",
      to: stops.at(-1) ?? "",
      path: path(stops.map(corner), wide),
    })),
  };
}

/** Numbers the layers: a node stands one behind the last of those that it needs. */
function layersOf(nodes: Node[]): Map<string, number> {
  const needs = new Map(nodes.map((node) => [node.id, node.needs]));
  const layers = new Map<string, number>();
  const layer = (id: string): number => {
    const known = layers.get(id);
    if (known !== undefined) return known;
    layers.set(id, 0); // so that a circle, which no runbook has, would end
    const found = Math.max(-1, ...(needs.get(id) ?? []).map(layer)) + 1;
    layers.set(id, found);
    return found;
  };
  for (const node of nodes) layer(node.id);
  return layers;
}

function route(from: string, to: string, layers: Map<string, number>): string[] {
  const bends = (layers.get(to) ?? 0) - (layers.get(from) ?? 0) - 1;
  const between = Array.from({ length: Math.max(0, bends) }, (_, at) => `${from} ${to} ${at}`);
  return [from, ...between, to];
}

/** Gives each place a row of its layer: near those before it, the others pushed on. */
function arrange(all: Place[], places: Map<string, Place>): void {
  const last = Math.max(0, ...all.map((place) => place.layer));
  for (let layer = 0; layer <= last; layer += 1) {
    const inside = all.filter((place) => place.layer === layer);
    const wish = new Map(inside.map((place, index) => [place, middle(place, places) ?? index]));
    inside.sort((one, other) => (wish.get(one) ?? 0) - (wish.get(other) ?? 0));
    let free = 0;
    for (const place of inside) {
      place.row = Math.max(free, Math.round(wish.get(place) ?? 0));
      free = place.row + 1;
    }
  }
}

function middle(place: Place, places: Map<string, Place>): number | undefined {
  if (!place.before.length) return undefined;
  const rows = place.before.map((key) => places.get(key)?.row ?? 0);
  return rows.reduce((sum, row) => sum + row, 0) / rows.length;
}

/** Draws a line from the right of one place to the left of the next, through the bends. */
function path(corners: { x: number; y: number }[], wide: number): string {
  const middleOf = (y: number) => y + HEIGHT / 2;
  return corners
    .slice(1)
    .map((to, index) => {
      const from = corners[index] ?? to;
      const start = from.x + wide;
      const bend = (to.x - start) / 2;
      const through = index < corners.length - 2 ? ` H ${to.x + wide}` : "";
      const begin = index === 0 ? `M ${start} ${middleOf(from.y)} ` : "";
      return `${begin}C ${start + bend} ${middleOf(from.y)} ${to.x - bend} ${middleOf(to.y)} ${to.x} ${middleOf(to.y)}${through}`;
    })
    .join(" ");
}
