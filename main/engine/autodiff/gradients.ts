// The reverse walk: from the gradients of some tensors to those of others, by the rules of rules.ts. Contributions
// are added up and broadcasts summed here and nowhere else.
import type { GraphBuilder } from '../graph/builder.ts';
import { sameShape, type Shape } from '../graph/dims.ts';
import type { OpName } from '../graph/ops.ts';
import type { GraphNode, Tensor } from '../graph/tensor.ts';
import { type Rule, rules } from './rules.ts';

export type GradientOptions = {
  /** Compute what is marked as cheap again instead of keeping it; only where no optimizer merges equal nodes. */
  recomputeCheap?: boolean;
};

/**
 * Builds d(sum of seeds) / d(wrt). `seeds` maps tensors to the gradients that flow into them. Tensors in `wrt` end
 * the walk, so a part of a graph can be differentiated on its own. Absent in the result: no path leads there.
 */
export function gradients(
  g: GraphBuilder,
  seeds: ReadonlyMap<Tensor, Tensor>,
  wrt: readonly Tensor[],
  { recomputeCheap = false }: GradientOptions = {},
): Map<Tensor, Tensor> {
  const again = recomputation(g, recomputeCheap);
  const targets = new Set(wrt);
  const nodes = nodesBetween([...seeds.keys()], targets);
  const wanted = new Set<Tensor>(wrt);
  for (const node of nodes) if (node.inputs.some((input) => wanted.has(input))) wanted.add(node.output);

  const contributions = new Map<Tensor, Tensor[]>();
  const contribute = (tensor: Tensor, gradient: Tensor): void => {
    const list = contributions.get(tensor);
    if (list) list.push(gradient);
    else contributions.set(tensor, [gradient]);
  };
  for (const [tensor, seed] of seeds) contribute(tensor, seed);

  for (const node of nodes.reverse()) {
    const arrived = contributions.get(node.output);
    if (!arrived || !wanted.has(node.output)) continue;
    const differentiate = (): void => {
      const rule = rules[node.op] as Rule<OpName>;
      const needs = (i: number): boolean => {
        const input = node.inputs[i];
        return input !== undefined && wanted.has(input);
      };
      const results = rule(
        { g, node, inputs: node.inputs.map(again), output: again(node.output), needs },
        total(g, arrived),
      );
      node.inputs.forEach((input, i) => {
        const gradient = results[i];
        if (gradient && wanted.has(input)) contribute(input, sumTo(g, gradient, input.shape));
      });
    };
    g.scope(`d ${node.scope}`, () => {
      if (node.isExact) g.exact(differentiate);
      else differentiate();
    });
  }
  return new Map(
    wrt.flatMap((tensor) => {
      const list = contributions.get(tensor);
      return list ? [[tensor, total(g, list)] as const] : [];
    }),
  );
}

/** Nodes that lead to `ends` without passing through `starts`, in topological order. */
function nodesBetween(ends: readonly Tensor[], starts: ReadonlySet<Tensor>): GraphNode[] {
  const found = new Set<GraphNode>();
  const pending = ends.filter((tensor) => !starts.has(tensor));
  for (let tensor = pending.pop(); tensor; tensor = pending.pop()) {
    if (tensor.source.kind !== 'node' || found.has(tensor.source.node)) continue;
    found.add(tensor.source.node);
    pending.push(...tensor.source.node.inputs.filter((input) => !starts.has(input)));
  }
  return [...found].sort((a, b) => a.index - b.index);
}

/**
 * The sum of `terms`. A matrix product among them takes the rest as its C, which saves a pass over memory; the
 * product without C is then used by nobody and vanishes from the finished graph.
 */
function total(g: GraphBuilder, terms: readonly Tensor[]): Tensor {
  const [first, ...rest] = [...terms].sort((a, b) => Number(isPlainGemm(a)) - Number(isPlainGemm(b)));
  if (!first) throw new Error('nothing to add up');
  return rest.reduce((sum, term) => {
    const { source } = term;
    if (!isPlainGemm(term) || source.kind !== 'node' || source.node.op !== 'Gemm') return g.add(sum, term);
    return g.op('Gemm', [...source.node.inputs, sum], source.node.attributes);
  }, first);
}

function isPlainGemm({ source }: Tensor): boolean {
  return source.kind === 'node' && source.node.op === 'Gemm' && source.node.inputs.length === 2;
}

/** Sums a gradient over the axes along which its tensor was broadcast. */
function sumTo(g: GraphBuilder, gradient: Tensor, shape: Shape): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient;
  const offset = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((dim, i) => (i < offset || (shape[i - offset] === 1 && dim !== 1) ? [i] : []));
  return g.reshape(axes.length ? g.reduceSum(gradient, axes) : gradient, shape);
}

/**
 * What a rule is given in place of a tensor of the forward pass. A frozen weight that is decoded on the fly (a cast of its
 * stored form, a look-up of four bits) is decoded again at each use, so that the decoded copy need not live from the
 * forward pass until then; a cheap tensor is computed again once.
 */
function recomputation(g: GraphBuilder, recomputeCheap: boolean): (tensor: Tensor) => Tensor {
  const made = new Map<Tensor, Tensor>();
  /** `here` is what this use has made: more than one node of what decodes a weight may read the same. */
  const again = (tensor: Tensor, here: Map<Tensor, Tensor>): Tensor => {
    const { source, isFrozen } = tensor;
    if (source.kind !== 'node') return tensor;
    const isAsked = recomputeCheap && g.isCheap(tensor);
    if (!isFrozen && !isAsked) return tensor;
    const known = made.get(tensor) ?? here.get(tensor);
    if (known) return known;
    const { op, inputs, attributes } = source.node;
    const fresh = g.op(
      op,
      inputs.map((input) => again(input, here)),
      attributes,
    );
    (isAsked ? made : here).set(tensor, fresh);
    return fresh;
  };
  return (tensor) => again(tensor, new Map());
}
