// Models that people use, by the keys of their config.json: as many numbers as published, and the graph of a training
// step with the window and the RoPE that the release has. LongRoPE's lists are shortened to ones.
import { expect, test } from 'vitest';
import { sftObjective } from '../../../main/engine/losses/sft.ts';
import { modelFor } from '../../../main/engine/models/registry.ts';
import type { StoredWeight } from '../../../main/engine/nn/weights.ts';
import { gradientGraph } from '../../../main/training/build-step.ts';
import { loraTargets } from '../../../main/engine/nn/lora.ts';
import published from './published.json' with { type: 'json' };

test.each(published)('$name', ({ config, parameters, window, ropeSwitch }) => {
  const model = modelFor(config);
  const sizes = [...model.weightShapes.values()].map((shape) => shape.reduce((product, size) => product * size, 1));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(parameters);
  expect(model.ropeSwitch ?? null).toBe(ropeSwitch);

  const stored = new Map(
    [...model.weightShapes].map(([name, shape]): [string, StoredWeight] => [
      name,
      { dtype: 'bfloat16', shape, data: { location: 'model.safetensors', offset: 0, length: 0 } },
    ]),
  );
  const targets = loraTargets(model.linears, model.defaultLoraTargets);
  const { graph, parameters: trained } = gradientGraph(model, {
    trained: { kind: 'lora', stored, lora: { rank: 8, alpha: 8, useRslora: false, dropout: 0, targets } },
    objective: sftObjective('nll'),
    recompute: true,
    headChunks: 1,
    neftuneAlpha: 0,
    queryBlocks: 1,
    maxPositions: 4097,
  });
  expect(trained).toHaveLength(2 * targets.size);
  const windows = new Set<number>();
  // Distances that are compared with a constant.
  for (const { op, inputs } of graph.nodes) {
    const source = op === 'Less' ? inputs[1]?.source : undefined;
    if (source?.kind === 'constant')
      windows.add(new DataView(source.bytes.buffer, source.bytes.byteOffset).getFloat32(0, true));
  }
  expect([...windows]).toEqual(window === null ? [] : [window]);
});
