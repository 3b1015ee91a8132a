// Import directions, as rules that fail the build. No arrow runs back up:
// hosts -> app -> training, generation, export, starter -> recipe, data, checkpoints, hub, trackers -> engine, store,
// contract, errors.

const always = ['main/errors\\.ts', 'preload/contract\\.ts'];

const lowerFloors = {
  engine: 'main/engine/',
  data: 'main/data/',
  checkpoints: 'main/checkpoints/',
  recipe: 'main/recipe/',
  hub: 'main/hub/',
  cuda: 'main/cuda/',
  devices: 'main/devices/',
  store: 'main/store/',
  generation: 'main/generation/',
  training: 'main/training/',
  export: 'main/export/',
  job: 'main/job/',
  starter: 'main/starter/',
  trackers: 'main/trackers/',
  app: 'main/app/',
};
const { engine, data, checkpoints, recipe, hub, store, generation, training, app } = lowerFloors;

/** Folder -> what of ours it may import besides itself, errors.ts and the contract. */
const allowed = {
  'main/engine/': [],
  'main/engine/graph/': [],
  'main/engine/autodiff/': ['main/engine/graph/'],
  'main/engine/nn/': ['main/engine/graph/'],
  'main/engine/optim/': ['main/engine/graph/'],
  'main/engine/runtime/': ['main/engine/graph/'],
  'main/engine/models/': ['main/engine/graph/', 'main/engine/nn/'],
  'main/engine/losses/': ['main/engine/graph/', 'main/engine/nn/'],
  'main/store/': [],
  'main/recipe/': ['main/engine/losses/', 'main/engine/optim/'],
  'main/data/': [],
  'main/hub/': [checkpoints],
  'main/cuda/': [engine, checkpoints, hub],
  'main/devices/': [engine, 'main/cuda/'],
  'main/checkpoints/': [engine],
  'main/trackers/': [],
  'main/training/': [engine, data, checkpoints, recipe],
  'main/generation/': [engine, data, checkpoints, recipe, training],
  'main/job/': [engine, data, checkpoints, recipe, training, generation],
  'main/export/': [engine, data, checkpoints, recipe, store],
  'main/starter/': [engine, data, checkpoints, recipe, hub, training, generation],
  'main/app/': Object.values(lowerFloors).filter((folder) => folder !== app),
  'main/hosts/': Object.values(lowerFloors),
  'renderer/': [],
  'preload/': [],
};

const ours = '^(main|preload|renderer|test)/';

const floors = Object.entries(allowed).map(([folder, targets]) => ({
  name: `floor: ${folder.slice(0, -1)}`,
  comment: `${folder} may import only: ${[folder, ...targets, 'main/errors.ts', 'preload/contract.ts'].join(', ')}`,
  severity: 'error',
  from: { path: `^${folder}` },
  to: { path: ours, pathNot: `^(${[folder, ...targets, ...always].join('|')})` },
}));

/** Package -> the only places that may import it. */
const soleImporters = {
  'onnxruntime-node': '^main/engine/runtime/',
  'better-sqlite3': '^main/store/',
  electron: '^(main/hosts/electron(\\.ts$|/)|preload/index\\.ts$)',
};

const packages = Object.entries(soleImporters).map(([name, only]) => ({
  name: `sole importer: ${name}`,
  comment: `${name} is imported only by ${only}`,
  severity: 'error',
  from: { path: '^(main|preload|renderer)/', pathNot: only },
  to: { path: `(^|/)node_modules/${name}/|^${name}$` },
}));

module.exports = {
  forbidden: [
    ...floors,
    ...packages,
    {
      name: 'errors.ts imports nothing',
      severity: 'error',
      from: { path: '^main/errors\\.ts$' },
      to: {},
    },
    {
      name: 'the contract imports only zod',
      severity: 'error',
      from: { path: '^preload/contract(/|\\.ts$)' },
      to: { pathNot: '(^|/)node_modules/zod/|^preload/contract/' },
    },
    {
      name: 'the engine is numbers only',
      comment: 'no processes, no network',
      severity: 'error',
      from: { path: '^main/engine/' },
      to: {
        dependencyTypes: ['core'],
        path: '^(node:)?(child_process|cluster|worker_threads|http|https|net)$',
      },
    },
    {
      name: 'the product imports no tests and no development tools',
      severity: 'error',
      from: { path: '^(main|preload|renderer)/' },
      to: { path: '^test/' },
    },
    {
      name: 'no cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(out|dist|coverage|test-output)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'svelte', 'types', 'default'] },
  },
};
