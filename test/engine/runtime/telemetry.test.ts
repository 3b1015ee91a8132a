// ONNX Runtime writes a device id and queued events below the home folder unless it is told not to before it loads.
// Under CI it is silent anyway, so the children run without that variable and with a home of their own.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');

/** Files that a Node program leaves below its home folder. */
function filesLeftBy(program: string): string[] {
  const home = mkdtempSync(join(tmpdir(), 'lorelei-home-'));
  const file = join(root, `test/engine/runtime/.telemetry-child-${process.pid}.mjs`);
  try {
    writeFileSync(file, program);
    const { CI: _, ORT_DISABLE_TELEMETRY: __, ...env } = process.env;
    const child = spawnSync(process.execPath, [file], {
      cwd: home,
      env: { ...env, HOME: home, XDG_CACHE_HOME: join(home, '.cache'), USERPROFILE: home, LOCALAPPDATA: home },
      encoding: 'utf8',
    });
    expect(child.stderr).toBe('');
    expect(child.stdout).toBe('done\n');
    return readdirSync(home, { recursive: true, encoding: 'utf8' });
  } finally {
    rmSync(file, { force: true });
    rmSync(home, { recursive: true });
  }
}

const build = `
  import { GraphBuilder } from '../../../main/engine/graph/builder.ts';
  import { toOnnx } from '../../../main/engine/graph/onnx.ts';
  const g = new GraphBuilder();
  const graph = toOnnx(g.finish('one', [{ name: 'y', tensor: g.scalar(1) }]));
`;

test('a session through the runtime leaves nothing', () => {
  const left = filesLeftBy(`${build}
    import { openRuntime } from '../../../main/engine/runtime/onnxruntime-node.ts';
    const runtime = await openRuntime({ device: 'cpu' });
    const session = await runtime.createSession(graph, { memory: 'fast' });
    await session.run(new Map());
    await new Promise((resolve) => setTimeout(resolve, 500));
    console.log('done');
  `);
  expect(left).toEqual([]);
});

test.runIf(process.platform === 'linux')(
  'without the switch the library does write, so the test above can fail',
  () => {
    const left = filesLeftBy(`${build}
    import ort from 'onnxruntime-node';
    const session = await ort.InferenceSession.create(graph.bytes);
    await session.run({});
    await new Promise((resolve) => setTimeout(resolve, 500));
    console.log('done');
  `);
    expect(left.join('\n')).toContain('onnxruntime');
  },
);
