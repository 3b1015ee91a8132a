// A graph as text: one line a node, for people and for snapshots.
import { dimText, shapeText } from './dims.ts';
import type { Graph, GraphNode, Tensor } from './tensor.ts';

/** For example `%7 = Gemm(%3, w:model.layers.0.self_attn.q_proj.weight) {transB: true} : float32[batch*seq, 64]`. */
export function printGraph(graph: Graph): string {
  const numbers = new Map(graph.nodes.map((node, i) => [node.output, i]));
  const reference = (tensor: Tensor): string => {
    const number = numbers.get(tensor);
    if (number !== undefined) return `%${number}`;
    return tensor.source.kind === 'weight' ? `w:${tensor.name}` : tensor.name;
  };
  const lines = [`graph ${graph.name} {`];
  for (const input of graph.inputs) lines.push(`  ${input.source.kind} ${input.name} : ${typeText(input)}`);
  let scope = '';
  for (const node of graph.nodes) {
    if (node.scope !== scope) lines.push(`  # ${node.scope || '(top)'}`);
    scope = node.scope;
    const inputs = node.inputs.map(reference).join(', ');
    lines.push(`  ${reference(node.output)} = ${node.op}(${inputs})${attributeText(node)} : ${typeText(node.output)}`);
  }
  for (const { name, tensor } of graph.outputs)
    lines.push(`  output ${name} = ${reference(tensor)} : ${typeText(tensor)}`);
  return [...lines, '}', ''].join('\n');
}

function typeText(tensor: Tensor): string {
  return `${tensor.dtype}${shapeText(tensor.shape)}`;
}

function attributeText(node: GraphNode): string {
  const parts = Object.entries(node.attributes as Record<string, unknown>)
    .filter(([, value]) => typeof value !== 'function')
    .map(([name, value]) => `${name}: ${valueText(value)}`);
  return parts.length ? ` {${parts.join(', ')}}` : '';
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`;
  return typeof value === 'object' && value !== null ? dimText(value as Parameters<typeof dimText>[0]) : String(value);
}
