// What a run has trained, as an adapter that fits the unchanged base model, and the way back. LoRA and DoRA are that
// already; PiSSA's change s (B A - B0 A0) becomes an ordinary LoRA of twice the rank, as PEFT converts it.
import type { AdapterConfig, AdapterTensor } from '../checkpoints/adapter.ts';
import type { LoraPattern } from '../engine/nn/lora-pattern.ts';
import { frozenNames, layerLora, loraNames, type LoraSettings } from '../engine/nn/lora.ts';
import { type FlatLayout, view } from './flat-parameters.ts';
import type { FrozenInputs, LoraValues } from './lora-values.ts';

/** What adapter_config.json says of the adapter itself. */
export type AdapterFacts = Omit<AdapterConfig, 'base_model_name_or_path' | 'revision'>;
export type AdapterTensors = ReadonlyMap<string, AdapterTensor>;

/** PEFT's name of a LoRA parameter. */
export function peftKey(parameter: string): string {
  return `base_model.model.${parameter}`;
}

/** The scale of every layer stays: alpha grows as the scale's divisor does. */
export function plainConfig(settings: LoraSettings, targetModules: string[]): AdapterFacts {
  const { rankPattern = {}, alphaPattern = {}, useRslora } = settings;
  const rankFactor = settings.subtractStart ? 2 : 1;
  const alphaFactor = useRslora ? Math.sqrt(rankFactor) : rankFactor;
  const times = (pattern: LoraPattern, factor: number): LoraPattern =>
    Object.fromEntries(Object.entries(pattern).map(([key, value]) => [key, value * factor]));
  return {
    r: settings.rank * rankFactor,
    lora_alpha: settings.alpha * alphaFactor,
    lora_dropout: settings.dropout,
    target_modules: targetModules,
    use_rslora: useRslora,
    rank_pattern: times(rankPattern, rankFactor),
    alpha_pattern: times(alphaPattern, alphaFactor),
    use_dora: settings.useDora ?? false,
  };
}

/** By PEFT's key. With PiSSA A is [A; A0] and B is [B, -B0], which keeps every bit of the four. */
export function plainTensors(
  settings: LoraSettings,
  layout: FlatLayout,
  parameters: Float32Array,
  frozen: FrozenInputs,
): Map<string, AdapterTensor> {
  const tensors = new Map<string, AdapterTensor>(
    layout.slots.map((slot) => [peftKey(slot.name), { shape: slot.shape, data: view(parameters, slot) }]),
  );
  if (!settings.subtractStart) return tensors;
  for (const layer of settings.targets) {
    const [names, start] = [loraNames(layer), frozenNames(layer)];
    const { rank } = layerLora(settings, layer);
    const [a, b] = [tensors.get(peftKey(names.a)), tensors.get(peftKey(names.b))];
    const [a0, b0] = [frozen.get(start.a), frozen.get(start.b)];
    if (!a || !b || !a0 || !b0) throw new Error(`${layer} lacks a part of its LoRA`);
    const [, width = 0] = a.shape;
    const [out = 0] = b.shape;
    const stacked = new Float32Array(2 * rank * width);
    stacked.set(a.data);
    stacked.set(a0.data, rank * width);
    const beside = new Float32Array(out * 2 * rank);
    for (let row = 0; row < out; row++) {
      beside.set(b.data.subarray(row * rank, (row + 1) * rank), row * 2 * rank);
      beside.set(
        b0.data.subarray(row * rank, (row + 1) * rank).map((x) => -x),
        (row * 2 + 1) * rank,
      );
    }
    tensors.set(peftKey(names.a), { shape: [2 * rank, width], data: stacked });
    tensors.set(peftKey(names.b), { shape: [out, 2 * rank], data: beside });
  }
  return tensors;
}

/** Takes plainTensors apart again, into the parameters and the frozen inputs. False where they do not fit. */
export function takePlainTensors(values: LoraValues, tensors: AdapterTensors): boolean {
  const { settings, layout, parameters, frozen } = values;
  const parts = settings.subtractStart ? splitStart(settings, tensors) : tensors;
  for (const slot of layout.slots) {
    const tensor = parts.get(peftKey(slot.name));
    if (tensor?.shape.join() !== slot.shape.join()) return false;
    view(parameters, slot).set(tensor.data);
  }
  for (const [name, { shape, data }] of frozen) {
    const tensor = parts.get(name);
    // Row squares are no part of an adapter: they follow from the base model.
    if (tensor && tensor.shape.join() === shape.join()) data.set(tensor.data);
    else if (!name.endsWith('.row_squares')) return false;
  }
  return true;
}

function splitStart(settings: LoraSettings, tensors: AdapterTensors): Map<string, AdapterTensor> {
  const parts = new Map(tensors);
  for (const layer of settings.targets) {
    const [names, start] = [loraNames(layer), frozenNames(layer)];
    const { rank } = layerLora(settings, layer);
    const [a, b] = [tensors.get(peftKey(names.a)), tensors.get(peftKey(names.b))];
    if (a?.shape[0] !== 2 * rank || b?.shape[1] !== 2 * rank) continue;
    const [, width = 0] = a.shape;
    const [out = 0] = b.shape;
    const half = (side: 0 | 1): Float32Array =>
      Float32Array.from({ length: out * rank }, (_, i) => {
        const x = b.data[(2 * Math.floor(i / rank) + side) * rank + (i % rank)] ?? 0;
        return side === 1 ? -x : x;
      });
    parts.set(peftKey(names.a), { shape: [rank, width], data: a.data.subarray(0, rank * width) });
    parts.set(start.a, { shape: [rank, width], data: a.data.subarray(rank * width) });
    parts.set(peftKey(names.b), { shape: [out, rank], data: half(0) });
    parts.set(start.b, { shape: [out, rank], data: half(1) });
  }
  return parts;
}
