// The order in which ONNX Runtime executes a graph's nodes, one after the other: what is alive when, and so what a run
// takes of memory, follows from it.
import { type Graph, type GraphNode, valueOf } from './tensor.ts';

/**
 * Depth first, backwards from the nodes that no other node reads, the last of them first; of a node's inputs, the one
 * that was built last goes first (Graph::ReverseDFSFrom of ONNX Runtime 1.30, execution order "default").
 */
export function executionOrder(graph: Graph): GraphNode[] {
  const nodes = graph.nodes.filter(({ op }) => op !== 'CustomGradient');
  const before = new Map(nodes.map((node) => [node, makersOf(node)]));
  const read = new Set([...before.values()].flat());
  const stack = nodes.filter((node) => !read.has(node)).map((node) => ({ node, done: false }));
  const seen = new Set<GraphNode>();
  const order: GraphNode[] = [];
  for (let entry = stack.pop(); entry; entry = stack.pop()) {
    const { node, done } = entry;
    if (done) order.push(node);
    if (done || seen.has(node)) continue;
    seen.add(node);
    stack.push({ node, done: true });
    for (const maker of before.get(node) ?? []) if (!seen.has(maker)) stack.push({ node: maker, done: false });
  }
  return order;
}

/** The nodes that made a node's inputs, in the order in which they were built. */
function makersOf(node: GraphNode): GraphNode[] {
  const makers = node.inputs.flatMap((input) => {
    const { source } = valueOf(input);
    return source.kind === 'node' ? [source.node] : [];
  });
  return [...new Set(makers)].sort((a, b) => a.index - b.index);
}
