// `npm run build:starter`: corpus -> tokenizer -> training -> a Hugging Face model folder in resources/starter-model,
// and what the finished model answers. Ctrl-C saves; the next call goes on. Arguments: --output FOLDER,
// --threads N.

import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeSafetensors } from '../checkpoints/safetensors.ts';
import { loadTokenizer } from '../data/tokenizer.ts';
import { openRuntime } from '../engine/runtime/onnxruntime-node.ts';
import { Generator } from '../generation/generator.ts';
import { trainBpe } from './bpe.ts';
import { checks } from './checks.ts';
import { documents } from './corpus.ts';
import { modelCard } from './model-card.ts';
import { starterConfig } from './shape.ts';
import { specialTokens, writeTokenizerFiles } from './tokenizer-files.ts';
import { stepsOf, trainStarter, type StarterTraining } from './train.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values } = parseArgs({
  options: { output: { type: 'string' }, threads: { type: 'string' } },
});
const output = values.output ?? join(root, 'resources/starter-model');
const scratch = join(root, 'out/starter');
const draft = join(scratch, 'model');

const training: StarterTraining = {
  seed: 1,
  weightDecay: 0.1,
  rowsPerBatch: 8,
  rowLength: 256,
  cycles: [
    {
      steps: 1600,
      learningRate: 2.5e-3,
      warmupSteps: 100,
      horizonSteps: 3200,
      coolDownSteps: 500,
      mannered: 0,
      practice: 0,
    },
    {
      steps: 1600,
      learningRate: 1.5e-3,
      warmupSteps: 50,
      horizonSteps: 1600,
      coolDownSteps: 1,
      mannered: 0.3,
      practice: 0,
    },
    {
      steps: 1200,
      learningRate: 1.2e-3,
      warmupSteps: 50,
      horizonSteps: 1200,
      coolDownSteps: 1,
      mannered: 0.2,
      practice: 0.4,
    },
  ],
};
const tokenizerDocuments = 30_000;

function* tokenizerTexts(): Iterable<string> {
  let count = 0;
  for (const document of documents(training.seed)) {
    if (document.kind === 'text') yield document.text;
    else for (const message of document.messages) yield message.content;
    count += 1;
    if (count === tokenizerDocuments) return;
  }
}

const report = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
let stopRequested = false;
process.once('SIGINT', () => {
  stopRequested = true;
});

mkdirSync(draft, { recursive: true });
writeTokenizerFiles(
  draft,
  trainBpe(tokenizerTexts(), starterConfig.vocab_size - specialTokens.length),
  starterConfig.max_position_embeddings,
);
const tokenizer = loadTokenizer(draft);
const encode = (text: string): ArrayLike<number> => tokenizer.encode(text, { specialTokens: false });

const runtime = await openRuntime({
  device: 'cpu',
  ...(values.threads === undefined ? {} : { threads: Number(values.threads) }),
});
const statePath = join(scratch, 'state.bin');
const tensors = await trainStarter({
  runtime,
  encode,
  training,
  statePath,
  report,
  stopRequested: () => stopRequested,
});
if (tensors === undefined) process.exit(1);

writeSafetensors(
  join(draft, 'model.safetensors'),
  tensors.map((tensor) => ({ ...tensor, dtype: 'BF16' as const })),
  { format: 'pt' },
);
writeFileSync(join(draft, 'config.json'), `${JSON.stringify(starterConfig, null, 2)}\n`);
const parameters = tensors.reduce((sum, { data }) => sum + data.length, 0);
writeFileSync(
  join(draft, 'README.md'),
  modelCard({ parameters, trainedTokens: stepsOf(training.cycles) * training.rowsPerBatch * training.rowLength }),
);
rmSync(output, { recursive: true, force: true });
renameSync(draft, output);
report(`${parameters} parameters written to ${output}`);

const generator = await Generator.open({ modelPath: output, device: 'cpu' });
let passed = 0;
for (const { prompt, expected } of checks) {
  let answer = '';
  const messages = [{ role: 'user', content: prompt }];
  for await (const piece of generator.generate({
    prompt: messages,
    maxNewTokens: 200,
    temperature: 0,
    topP: 1,
    seed: 0,
  }))
    answer += piece;
  const good = expected.test(answer);
  if (good) passed += 1;
  report(`${good ? 'ok  ' : 'BAD '} ${prompt}\n     ${answer.replaceAll('\n', '\n     ')}`);
}
await generator.dispose();
report(`${passed} of ${checks.length} answers are as expected`);
