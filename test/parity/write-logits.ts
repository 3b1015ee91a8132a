// Writes what our engine says for some token rows under an adapter, for adapter_check.py to compare with PEFT.
// Usage: node test/parity/write-logits.ts MODEL_FOLDER ADAPTER_FOLDER OUTPUT.safetensors [CACHE_FOLDER]
// With a cache folder the model's linear layers are rounded to NF4.
import { writeSafetensors } from '../../main/checkpoints/safetensors.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import { inFourBits } from '../../main/training/four-bit.ts';
import { loadModel, weightReader } from '../../main/training/load-model.ts';
import { adapterOn, loraStart } from '../../main/training/lora-start.ts';
import { continuedAdapter } from '../support/goldens.ts';
import { computeLogits } from '../support/logits.ts';

const [batch, seq] = [3, 40];

async function main(modelFolder: string, adapterFolder: string, output: string, cacheDir?: string): Promise<void> {
  const rounded = cacheDir === undefined ? undefined : { settings: { type: 'nf4', nested: false } as const, cacheDir };
  const loaded = await inFourBits(loadModel(modelFolder), rounded);
  const { model, stored, weightsDir } = loaded;
  const { tensors } = adapterOn(model, adapterFolder);
  const { settings, frozenInputs, initialize } = loraStart(
    continuedAdapter(adapterFolder),
    model,
    weightReader(loaded),
  );
  // No parameters: just what the graph reads besides the adapter's tensors.
  initialize({ slots: [], size: 0 }, new Float32Array(0));
  const lora = { ...settings, dropout: 0 };
  const adapter = { lora, frozenInputs, tensors: new Map([...tensors].map(([key, { data }]) => [key, data])) };
  const positionIds = Int32Array.from({ length: batch * seq }, (_, i) => i % seq);
  // Rows that are the same everywhere: a walk through the vocabulary with a large stride.
  const inputIds = positionIds.map((_, i) => 3 + ((i * 7919 + 13) % (model.vocabSize - 3)));
  const visibleUntil = new Int32Array(batch * seq).fill(seq);
  const logits = await computeLogits(
    await openRuntime({ device: 'cpu' }),
    { model, stored, weightsDir, adapter },
    { batch, seq, inputIds, positionIds, visibleUntil },
  );
  writeSafetensors(
    output,
    [
      { name: 'input_ids', dtype: 'I32', shape: [batch, seq], data: inputIds },
      { name: 'logits', dtype: 'F32', shape: [batch, seq, model.vocabSize], data: logits },
    ],
    {},
  );
}

const [modelFolder, adapterFolder, output, cacheDir] = process.argv.slice(2);
if (!modelFolder || !adapterFolder || !output)
  throw new Error(
    'Usage: node test/parity/write-logits.ts MODEL_FOLDER ADAPTER_FOLDER OUTPUT.safetensors [CACHE_FOLDER]',
  );
await main(modelFolder, adapterFolder, output, cacheDir);
