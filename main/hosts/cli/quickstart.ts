// lorelei quickstart: shows the whole way on the models and data that ship with Lorelei.
import type { App } from '../../app/app.ts';
import type { RunEnd } from '../../app/follow-run.ts';
import { compareAnswers, QUICKSTART_PROMPTS, quickstartValues } from '../../app/quickstart.ts';
import { startRun } from '../../app/start-run.ts';
import { lineChart, type Point } from './chart.ts';
import { EXIT, followOnTerminal } from './follow.ts';
import { numberText } from './numbers.ts';
import { runReport } from './run-report.ts';

/** Prints to `line` and returns the exit code. */
export async function quickstart(app: App, line: (text: string) => void): Promise<number> {
  const values = quickstartValues();
  const losses: Point[] = [];
  const evalLosses: number[] = [];
  let end: RunEnd | undefined;

  line('Fine-tuning the starter model to talk like an old river pilot: LoRA on 288 sample conversations, on the CPU.');
  line('');
  const report = runReport({ stdout: process.stdout, stderr: process.stderr, json: false });
  const exitCode = await followOnTerminal(
    (onRecord) =>
      startRun(app, {
        method: 'sft',
        values,
        workingDirectory: process.cwd(),
        onRecord(record) {
          if (record.type === 'step') losses.push({ x: record.step, y: record.loss });
          if (record.type === 'evaluation') evalLosses.push(record.metrics.eval_loss ?? Number.NaN);
          onRecord(record);
        },
      }),
    {
      ...report,
      ended(session, how) {
        end = how;
        if (how.status !== 'completed') report.ended(session, how);
      },
    },
  );
  if (end?.status !== 'completed') return exitCode;

  const [first, last] = [evalLosses[0], evalLosses.at(-1)];
  line('');
  line('Training loss');
  for (const row of lineChart(losses, 72, 8)) line(row);
  line('');
  if (first !== undefined && last !== undefined) {
    line(`Loss on 32 conversations it never saw: ${numberText(first)} before, ${numberText(last)} after.`);
  }
  for await (const { prompt, before, after } of compareAnswers(
    values.model_name_or_path,
    end.outputDir,
    QUICKSTART_PROMPTS,
  )) {
    line('');
    line(`> ${prompt}`);
    line(`  before  ${before}`);
    line(`  after   ${after}`);
  }
  for (const text of nextSteps(values.model_name_or_path, end.outputDir)) line(text);
  return EXIT.done;
}

function nextSteps(model: string, adapter: string): string[] {
  // As the person started this: through npm in a clone, or as a program.
  const npm = process.env.npm_lifecycle_event === 'lorelei';
  const lorelei = npm ? 'npm run --silent lorelei --' : 'lorelei';
  return [
    '',
    `The adapter, in PEFT's format: ${adapter}`,
    '',
    'What to do next:',
    `  ask it        ${lorelei} generate --model ${model} --adapter ${adapter} --prompt "Who is the baker?"`,
    `  see the run   ${lorelei} show latest, or ${npm ? 'npm start' : 'lorelei serve'} for its window`,
    `  your own      ${lorelei} sft --model_name_or_path MODEL_FOLDER --dataset_name DATA.jsonl --output_dir my-adapter`,
  ];
}
