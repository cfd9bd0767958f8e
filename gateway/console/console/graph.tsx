// Draws the graph of a run. A node is a button, which chooses whose output is shown.

import { useMemo } from "preact/hooks";
import { drawing, HEIGHT, type Spot } from "./layout.ts";
import type { Node } from "./types.ts";
import { plain } from "./words.ts";

export function Graph(props: { nodes: Node[]; chosen: string; choose: (id: string) => void }) {
  const { nodes, chosen, choose } = props;
  const drawn = useMemo(() => drawing(nodes), [nodes]);
  const done = new Set(nodes.filter((node) => node.state === "STATE_SUCCEEDED").map((node) => node.id));
  return (
    <div class="graph" tabIndex={0} role="group" aria-label="Graph of the run">
      <svg width={drawn.width} height={drawn.height} viewBox={`0 0 ${drawn.width} ${drawn.height}`}>
        <defs>
          <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M 0 0 L 8 4 L 0 8 z" />
          </marker>
        </defs>
        {drawn.edges.map((edge) => (
          <path
            key={`${edge.from} ${edge.to}`}
            class={done.has(edge.from) ? "edge done" : "edge"}
            d={edge.path}
            data-edge={`${edge.from} ${edge.to}`}
            marker-end="url(#tip)"
          />
        ))}
        {drawn.spots.map((spot) => (
          <Box
            key={spot.node.id}
            spot={spot}
            wide={drawn.wide}
            chosen={spot.node.id === chosen}
            choose={choose}
          />
        ))}
      </svg>
    </div>
  );
}

function Box(props: { spot: Spot; wide: number; chosen: boolean; choose: (id: string) => void }) {
  const { chosen, choose } = props;
  const { node, x, y } = props.spot;
  const state = plain(node.state, "STATE_");
  const toggle = () => choose(chosen ? "" : node.id);
  return (
    <g
      class={`node ${node.state.toLowerCase()}`}
      transform={`translate(${x} ${y})`}
      role="button"
      tabIndex={0}
      aria-pressed={chosen}
      aria-description={node.needs.length ? `after ${node.needs.join(", ")}` : undefined}
      onClick={toggle}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        toggle();
      }}
    >
      <rect width={props.wide} height={HEIGHT} rx="8" />
      <circle cx="18" cy={HEIGHT / 2} r="6" />
      <text x="34" y="20">
        {node.id}
      </text>{" "}
      <text x="34" y="36" class="small">
        {state}
      </text>
    </g>
  );
}
