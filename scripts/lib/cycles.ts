/** Finds cycles in a directed graph. */

/** Per node its successors, each with a value that describes the edge. */
export type Graph<Edge> = ReadonlyMap<string, ReadonlyMap<string, Edge>>;

export interface Cycle<Edge> {
  /** The nodes in order; the first is repeated at the end. */
  readonly path: readonly string[];
  /** The edge that closes the cycle. */
  readonly closedBy: Edge;
}

/** Returns at least one cycle for every group of nodes that reach each other; empty only if there is none. */
export function findCycles<Edge>(graph: Graph<Edge>): Cycle<Edge>[] {
  const cycles: Cycle<Edge>[] = [];
  const finished = new Set<string>();
  const walk = (node: string, trail: readonly string[]): void => {
    for (const [next, edge] of graph.get(node) ?? []) {
      const start = trail.indexOf(next);
      if (start >= 0) cycles.push({ path: [...trail.slice(start), next], closedBy: edge });
      else if (!finished.has(next)) walk(next, [...trail, next]);
    }
    finished.add(node);
  };
  for (const start of graph.keys()) if (!finished.has(start)) walk(start, [start]);
  return cycles;
}
