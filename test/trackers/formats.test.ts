// Names, values and bytes against what TensorBoard's own writer and transformers' callbacks made of the same log
// (test/parity/tracker_goldens.py).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { crc32c } from '../../main/trackers/crc32c.ts';
import { decodeEvent, restartEvent, scalarEvent, textEvent, versionEvent } from '../../main/trackers/event-schema.ts';
import { cometSystemMetric, groupedName, mlflowName, withSystemNames } from '../../main/trackers/metric-names.ts';
import { flattened, maskedParameters, pythonText } from '../../main/trackers/parameters.ts';
import { readTfRecords, tfRecord } from '../../main/trackers/tfrecord.ts';
import { goldensFolder } from '../support/goldens.ts';

type Expected = {
  names: Record<'trl' | 'grouped' | 'mlflow', string[]>;
  texts: { value: unknown; text: string }[];
  checksums: { bytes: number[]; crc32c: number; masked: number }[];
};

const folder = join(goldensFolder, 'trackers');
const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected;
const events = readFileSync(join(folder, 'events.out.tfevents'));
const at = 1_700_000_000_250;

const written = [
  versionEvent(at),
  textEvent(at, 'args', '{\n  "learning_rate": 2e-05\n}'),
  scalarEvent(at, 0, 'eval/loss', 3),
  scalarEvent(at + 1000, 1, 'train/loss', 2.5),
  scalarEvent(at + 2000, 300, 'train/loss', 0),
  scalarEvent(at + 3000, 2 ** 33, 'train/loss', Number.NaN),
  restartEvent(at + 4000, 11),
];

test('an event file is the one of TensorBoard’s writer, byte by byte', () => {
  expect(Buffer.concat(written.map(tfRecord))).toEqual(events);
});

test('records of TensorBoard’s writer are read back', () => {
  const scalars = readTfRecords(events).map(decodeEvent);
  expect(scalars).toHaveLength(7);
  expect(scalars[3]).toEqual({
    wall_time: 1_700_000_001.25,
    step: 1,
    summary: { value: [{ tag: 'train/loss', simple_value: 2.5 }] },
  });
});

test('a file cut off at any byte gives the whole records before it', () => {
  const ends = written.map((_, i) => Buffer.concat(written.slice(0, i + 1).map(tfRecord)).length);
  for (let length = 0; length <= events.length; length += 1) {
    expect(readTfRecords(events.subarray(0, length))).toHaveLength(ends.filter((end) => end <= length).length);
  }
});

test.each([3, 20, events.length - 2])('a wrong bit at byte %i is noticed', (byte) => {
  const damaged = Buffer.from(events);
  damaged[byte] = (damaged[byte] ?? 0) ^ 1;
  expect(() => readTfRecords(damaged)).toThrow('damaged');
});

test('checksums are those of TensorBoard', () => {
  for (const { bytes, crc32c: checksum, masked } of expected.checksums) {
    expect(crc32c(Uint8Array.from(bytes))).toBe(checksum);
    const record = tfRecord(Uint8Array.from(bytes));
    expect(new DataView(record.buffer).getUint32(12 + bytes.length, true)).toBe(masked);
  }
});

test('metric names are those of transformers’ callbacks', () => {
  expect(expected.names.trl.map(groupedName)).toEqual(expected.names.grouped);
  expect(expected.names.trl.map(mlflowName)).toEqual(expected.names.mlflow);
});

test('figures of GPUs have the names of MLflow’s and Comet’s own monitors', () => {
  const metrics = {
    loss: 1,
    gpu_memory_usage_megabytes: 12_885,
    gpu_memory_peak_megabytes: 13_000,
    gpu_utilization_percentage: 93,
    process_memory_peak_megabytes: 900,
  };
  // mlflow.system_metrics.metrics.gpu_monitor, with the prefix of its SystemMetricsMonitor; the peaks are ours.
  const named = withSystemNames(metrics, 1);
  expect(named).toEqual({
    loss: 1,
    'system/gpu_1_memory_usage_megabytes': 12_885,
    'system/gpu_1_memory_peak_megabytes': 13_000,
    'system/gpu_1_utilization_percentage': 93,
    'system/process_memory_peak_megabytes': 900,
  });
  expect(Object.keys(named).map(groupedName)).toEqual(['train/loss', ...Object.keys(named).slice(1)]);
  // comet_ml.system.gpu.gpu_logging counts memory in bytes.
  expect(Object.entries(named).map(([name, value]) => cometSystemMetric(name, value))).toEqual([
    undefined,
    { name: 'sys.gpu.1.used_memory', value: 12_885e6 },
    undefined,
    { name: 'sys.gpu.1.gpu_utilization', value: 93 },
    undefined,
  ]);
});

test.each(expected.texts)('$text is how Python prints it', ({ value, text }) => {
  expect(pythonText(value)).toBe(text);
});

test('nested parameters are joined with the separator; lists and empty objects stay', () => {
  const values = { args: { lr: 1, kwargs: { a: 2, none: {} }, modules: ['q', 'v'] } };
  expect(flattened(values, '|')).toEqual({
    'args|lr': 1,
    'args|kwargs|a': 2,
    'args|kwargs|none': {},
    'args|modules': ['q', 'v'],
  });
});

test('tokens and keys are masked, unset keys left out', () => {
  const recipe = { hub_token: 'hf_abc', push_to_hub_token: null, api_key: 'x', learning_rate: 1, run_name: undefined };
  expect(maskedParameters(recipe)).toEqual({
    hub_token: '<HUB_TOKEN>',
    push_to_hub_token: null,
    api_key: '<API_KEY>',
    learning_rate: 1,
  });
});
