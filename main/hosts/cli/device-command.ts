// `lorelei devices`: what this machine trains on and why, trials of it, and the installation of CUDA support.
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { jsonOption, print, type Json, type WithApp } from './command-parts.ts';

type Options = Json & { check?: true; probe?: true; installCuda?: string | true; removeCuda?: true };

export function addDeviceCommand(lorelei: Command, withApp: WithApp): void {
  lorelei
    .command('devices')
    .description('list what this machine can train on, and what device: auto takes')
    .addOption(jsonOption('one JSON object per device'))
    .addOption(
      new Option('--probe', 'try them anew, as device: auto does once: real training steps beside the processor’s'),
    )
    .addOption(
      new Option(
        '--check',
        'try each, the processor too, with all that there is to check: also an abort and too much memory; some minutes',
      ).conflicts('probe'),
    )
    .option(
      '--install-cuda [file]',
      'install CUDA support into the home folder, from the internet or from a package file',
    )
    .option('--remove-cuda', 'remove it')
    .action((options: Options) =>
      withApp(async (app) => {
        const json = options.json === true;
        const devices = await import('./devices-on-terminal.ts');
        if (options.check === true) {
          process.exitCode = await devices.checkDevices(app, json);
          return;
        }
        const cuda = await import('./cuda-on-terminal.ts');
        if (options.removeCuda === true) return print(cuda.removeCudaOnTerminal(app));
        if (options.installCuda !== undefined) {
          const file = options.installCuda === true ? undefined : resolve(options.installCuda);
          return print(await cuda.installCudaOnTerminal(app, file));
        }
        const lines = options.probe === true ? devices.probeDevices(app, json) : devices.listDevices(app, json);
        print(await lines);
        const cudaLines = json ? [] : await cuda.cudaLinesHere(app);
        if (cudaLines.length > 0) print(cudaLines);
      }),
    );
}
