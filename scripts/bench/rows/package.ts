import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { shown } from '../numbers.ts';
import type { Row } from '../row.ts';
import { root, type Stage } from '../stage.ts';

const measure = { row: 'package', what: 'production install', who: 'keymaker' };

export const packaged: Row = {
  id: 'package',
  title: 'Installed package',
  about:
    '`npm pack`, then `npm install --omit=dev` of the tarball into an empty folder, all it brings with it counted.',
  async measure({ stage, figures }) {
    const modules = await install(stage);
    const size = Number((await stage.run('du', ['-sb', modules])).split('\t')[0]);
    const packages = packagesIn(modules);
    figures.add({ ...measure, unit: 'MB' }, size / 1e6);
    figures.add({ ...measure, unit: 'packages' }, packages.length);
    figures.say('largest parts of the installed package', await largestIn(stage, modules));
    figures.say(
      'native',
      packages.filter(isNative).map((place) => path.relative(modules, place)),
    );
  },
};

const packed = z.tuple([z.object({ filename: z.string() })]);

/** @returns the folder of the installation */
async function install(stage: Stage): Promise<string> {
  const folder = stage.file('installed');
  mkdirSync(folder);
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const [{ filename }] = packed.parse(JSON.parse(await stage.run('npm', pack, { cwd: root })));
  const quietly = ['--prefer-offline', '--no-audit', '--no-fund'];
  await stage.run('npm', ['install', '--omit=dev', ...quietly, `./${filename}`], { cwd: folder });
  return path.join(folder, 'node_modules');
}

async function largestIn(stage: Stage, modules: string): Promise<string[]> {
  const sizes = (await stage.run('du', ['-b', '--max-depth=1', modules])).trim().split('\n').slice(0, -1);
  const parts = sizes
    .map((line) => line.split('\t'))
    .map(([size, place = '']) => ({ size: Number(size), place }));
  parts.sort((a, b) => b.size - a.size);
  return parts.slice(0, 8).map(({ size, place }) => `${shown(size / 1e6)} MB ${path.basename(place)}`);
}

function packagesIn(modules: string): string[] {
  const names = readdirSync(modules, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => /(^|node_modules\/)(@[^/]+\/)?[^/@]+\/package\.json$/.test(name))
    .map((name) => path.join(modules, path.dirname(name)));
}

const manifest = z.object({ scripts: z.record(z.string(), z.string()).catch({}) });

/** Whether a package is compiled during installation, or contains machine code. */
function isNative(place: string): boolean {
  if (existsSync(path.join(place, 'binding.gyp'))) return true;
  const { scripts } = manifest.parse(JSON.parse(readFileSync(path.join(place, 'package.json'), 'utf8')));
  const atInstall = ['preinstall', 'install', 'postinstall'].map((name) => scripts[name] ?? '');
  if (atInstall.some((line) => /node-gyp|prebuild|node-pre-gyp|cmake/.test(line))) return true;
  return readdirSync(place, { recursive: true, encoding: 'utf8' }).some((name) => name.endsWith('.node'));
}
