import { spawn, spawnSync } from 'node:child_process';
import { chmod, copyFile, cp, lstat, mkdir, readFile, readlink, rename, symlink } from 'node:fs/promises';
import path from 'node:path';
import fs from 'fs-extra';
import * as z from 'zod';
import { plainEnvironment, wantsColor } from '../../config/environment.ts';
import { readFlockFile } from '../../config/flock-file.ts';
import { isLocked } from '../../daemon/lock.ts';
import { unitText } from '../../daemon/systemd.ts';
import { FlockError, systemCode } from '../../errors.ts';
import { namesOf, ownFile, reasonOf, replaceFile } from '../../fs.ts';
import { hasJournal } from '../../ledger/journal.ts';
import { linesForPeople } from '../../log.ts';
import { ownZone } from '../../text.ts';
import { command, nonEmpty, toggle } from '../command.ts';
import { completions } from '../completion.ts';
import type { Terminal } from '../terminal.ts';
import { movedTo, noteMove } from './ledger-place.ts';

/*
 * flockd as a systemd service of this machine: its unit, its user, its program, its flock and its ledger.
 */

const service = {
  program: '/opt/flockd',
  root: '/etc/flockd',
  ledger: '/var/lib/flockd',
  user: 'flockd',
  unit: '/etc/systemd/system/flockd.service',
  /** The unit of the Debian package. */
  packagedUnit: '/usr/lib/systemd/system/flockd.service',
};
const names = ['keymaker', 'flockd'] as const;

/** The package that this file is part of. */
const ownPackage = path.resolve(ownFile(''));

const unitOf = (program: string, root: string, user: string): string =>
  unitText({
    node: process.execPath,
    flockd: path.join(program, 'dist/flockd.js'),
    program,
    notifyFd: path.join(program, 'scripts/notify-fd'),
    root,
    user,
  });

export const unit = command({
  summary: 'Print a systemd unit that runs the daemon',
  schema: z.object({
    root: z
      .string()
      .startsWith('/', 'should be an absolute path')
      .regex(/^[^\n]+$/, 'cannot have a line break')
      .default(service.root)
      .meta({ description: "the flock's folder on the server", kind: 'folder' }),
    user: z
      .string()
      .regex(/^[a-z_][a-z0-9_-]{0,30}$/, 'is no user name')
      .default(service.user)
      .meta({ description: 'the user who runs it', placeholder: 'NAME' }),
  }),
  examples: [['flockd unit | less', 'read it; flockd install installs it, with all that it needs']],
  run({ root, user }, terminal) {
    if (isHidden(process.execPath) || isHidden(ownPackage)) {
      const hidden = isHidden(ownPackage) ? ownPackage : process.execPath;
      const hint =
        'sudo flockd install copies the program to a folder that it can see; Node has to be installed for all users';
      terminal.warn(`the service cannot see ${hidden}`, hint);
    }
    terminal.print(unitOf(ownPackage, root, user));
    return Promise.resolve('done');
  },
});

export const install = command({
  summary: 'Install flockd as a systemd service of this machine',
  schema: z.object({
    flock: nonEmpty.optional().meta({
      positional: true,
      kind: 'folder',
      description: `a folder with poems, keys and optionally flock.json and a ledger; it is copied to ${service.root}`,
    }),
  }),
  examples: [
    ['sudo flockd install ~/flock', 'install the service, copy the flock, and move its ledger'],
    ['sudo flockd install', 'install a newer version of the program'],
  ],
  exits: {
    data: 'the folder has no poems',
    unavailable: 'this machine has no systemd, or a program is missing',
    tryLater: 'a flockd still runs on the flock that is copied',
    permission: 'not run as root',
    config: 'flock.json is wrong',
  },
  async run({ flock }, terminal) {
    // What is installed is for all users, whatever root's umask is.
    process.umask(0o022);
    const from = flock === undefined ? undefined : path.resolve(flock);
    mustBeRoot('install');
    mustHavePrograms();
    await mustBeFit(from);
    // A program that is replaced while it runs would look for files that are gone.
    const isRunning = ask('systemctl', 'is-active', '--quiet', 'flockd.service');
    if (isRunning) run('systemctl', 'stop', 'flockd.service');
    try {
      const program = await placeProgram();
      makeUser();
      await copyFlock(from);
      await moveLedger(program, from, terminal);
      if (program === service.program) await makeLinks(program);
      if (!(await isPackaged(program))) {
        await replaceFile(service.unit, unitOf(program, service.root, service.user));
        await chmod(service.unit, 0o644);
      }
      run('systemctl', 'daemon-reload');
    } finally {
      if (isRunning) run('systemctl', 'start', 'flockd.service');
    }
    terminal.say(`flockd is installed. Its flock is in ${service.root}, its ledger in ${service.ledger}.`);
    terminal.say(isRunning ? 'It runs again.' : 'Next: systemctl enable --now flockd');
    return 'done';
  },
});

export const uninstall = command({
  summary: 'Remove the systemd service; the flock and its ledger stay',
  schema: z.object({}),
  examples: [
    ['sudo flockd uninstall', `stop and remove the service; ${service.root} and ${service.ledger} stay`],
  ],
  exits: { permission: 'not run as root' },
  async run(_, terminal) {
    mustBeRoot('uninstall');
    if (await isPackaged(ownPackage)) {
      throw new FlockError('config', 'this flockd is a Debian package', { hint: 'apt-get remove keymaker' });
    }
    ask('systemctl', 'disable', '--now', 'flockd.service');
    for (const { to } of await manPages()) await fs.remove(to);
    for (const name of names) await removeLinks(name);
    for (const place of [service.unit, `${service.unit}.d`, service.program]) await fs.remove(place);
    ask('systemctl', 'daemon-reload');
    terminal.say(
      `flockd is removed. Its flock is still in ${service.root}, its ledger in ${service.ledger}.`,
    );
    return 'done';
  },
});

function mustBeRoot(name: string): void {
  if (process.getuid?.() !== 0)
    throw new FlockError('permission', `flockd ${name} must be run as root`, { hint: `sudo flockd ${name}` });
}

function mustHavePrograms(): void {
  const lacks = (message: string, hint: string): never => {
    throw new FlockError('unavailable', message, { hint });
  };
  if (!ask('systemctl', '--version'))
    lacks('this machine has no systemd', 'run flockd under another supervisor: flockd run');
  for (const [name, debian] of Object.entries({ perl: 'perl-base', flock: 'util-linux' }))
    if (!ask(name, '--version')) lacks(`${name} is missing`, `apt-get install ${debian}`);
  if (isHidden(process.execPath))
    lacks(`the service cannot see ${process.execPath}`, 'install Node for all users: apt-get install nodejs');
}

/** Whether the unit hides a path from the service. */
const isHidden = (place: string): boolean => /^\/(?:home|root|run\/user|srv|media|mnt)\//.test(place);

/** The flock that is copied, if there is one, and the flock of the service. */
const rootsOf = (from: string | undefined): string[] =>
  from === undefined ? [service.root] : [from, service.root];

/** @throws {FlockError} if the flock that is to be copied, or the one that is there, could not be run */
async function mustBeFit(from: string | undefined): Promise<void> {
  if (from !== undefined && !(await fs.pathExists(path.join(from, 'poems')))) {
    throw new FlockError('data', `${from} has no poems folder`, {
      hint: 'name the folder that has poems, keys and flock.json',
    });
  }
  for (const root of rootsOf(from)) {
    if (!(await isLocked(path.join(root, 'state')))) continue;
    throw new FlockError('tryLater', `a flockd runs on ${root}: end it first`, {
      hint: 'press Ctrl-C where it runs; the service continues with its ledger',
    });
  }
  await readFlockFile(path.join(from ?? service.root, 'flock.json'));
}

/**
 * Puts the program where the service can read it and only root can change it. One that is there already stays.
 *
 * @returns its folder
 */
async function placeProgram(): Promise<string> {
  if (ownPackage === service.program || (await isForAll(ownPackage))) return ownPackage;
  const fresh = `${service.program}.new`;
  await fs.remove(fresh);
  await mkdir(path.join(fresh, 'scripts'), { recursive: true });
  await cp(path.join(ownPackage, 'dist'), path.join(fresh, 'dist'), { recursive: true });
  for (const file of ['package.json', 'scripts/notify-fd'])
    await copyFile(path.join(ownPackage, file), path.join(fresh, file));
  run('chown', '-R', 'root:root', fresh);
  run('chmod', '-R', 'u=rwX,go=rX', fresh);
  await fs.remove(service.program);
  await rename(fresh, service.program);
  return service.program;
}

/** Whether a program is in a place for all users, which only root can change. */
async function isForAll(program: string): Promise<boolean> {
  if (!/^\/(?:usr|opt)\//.test(program)) return false;
  const { uid, mode } = await lstat(path.join(program, 'dist/flockd.js'));
  return uid === 0 && (mode & 0o022) === 0;
}

/** Whether a program is the Debian package's, which brings its unit, links, man pages and completions. */
const isPackaged = async (program: string): Promise<boolean> =>
  (await readFile(service.packagedUnit, 'utf8').catch(() => '')).includes(` ${program}/dist/flockd.js `);

function makeUser(): void {
  const { user, ledger } = service;
  if (ask('id', user)) return;
  run('useradd', '--system', '--user-group', '--no-create-home', '--home-dir', ledger, '--shell', '/usr/sbin/nologin', user); // prettier-ignore
}

/** Makes the flock's folder, which the service can read, and copies a flock into it. The note says where its ledger is. */
async function copyFlock(from: string | undefined): Promise<void> {
  const { root, user, ledger } = service;
  for (const folder of ['poems', 'keys', 'state']) await mkdir(path.join(root, folder), { recursive: true });
  await noteMove(path.join(root, 'state'), ledger);
  if (from !== undefined && from !== root) {
    await cp(path.join(from, 'poems'), path.join(root, 'poems'), { recursive: true });
    const keys = (await fs.pathExists(path.join(from, 'keys'))) ? await namesOf(path.join(from, 'keys')) : [];
    const bundles = keys.filter((name) => /^[^.].*\.json(?:\.age)?$/.test(name));
    for (const file of ['flock.json', 'prices.json', ...bundles.map((name) => path.join('keys', name))])
      await copyRegular(path.join(from, file), path.join(root, file));
  }
  run('chown', '-R', `root:${user}`, root);
  run('chmod', '-R', 'u=rwX,g=rX,o=', root);
}

/** Copies a regular file, if it is one: root would follow a symbolic link to files that only root can read. */
async function copyRegular(from: string, to: string): Promise<void> {
  if ((await lstat(from).catch(() => undefined))?.isFile() === true) await copyFile(from, to);
}

/** Moves a flock's ledger to the service. One that the service has already is the newest, and stays. */
async function moveLedger(program: string, from: string | undefined, terminal: Terminal): Promise<void> {
  const { root, user, ledger } = service;
  await mkdir(ledger, { recursive: true });
  run('chown', `${user}:${user}`, ledger);
  await chmod(ledger, 0o700);
  for (const state of rootsOf(from).map((folder) => path.join(folder, 'state'))) {
    if (!(await hasJournal(state))) continue;
    if (!(await hasJournal(ledger))) {
      const flockd = path.join(program, 'dist/flockd.js');
      run(process.execPath, flockd, 'restore', state, '--root', root);
    } else if ((await movedTo(state)) === undefined)
      terminal.warn(`the service uses its own ledger in ${ledger}; the one in ${state} is not used`);
  }
}

/** The man pages, each with its place for programs that are not from a package. */
const manPages = async (): Promise<{ from: string; to: string }[]> =>
  (await namesOf(path.join(ownPackage, 'dist/man')))
    .filter((name) => /\.[17]$/.test(name))
    .map((name) => ({
      from: path.join(ownPackage, 'dist/man', name),
      to: `/usr/local/share/man/man${name.at(-1)}/${name}`,
    }));

/** A program's link and completions, in the same kind of places. */
const placesOf = (name: string) => ({
  link: `/usr/local/bin/${name}`,
  bash: `/usr/local/share/bash-completion/completions/${name}`,
  zsh: `/usr/local/share/zsh/site-functions/_${name}`,
  fish: `/etc/fish/completions/${name}.fish`,
});

/** Makes the links, man pages and completions, as far as these places can be written. */
async function makeLinks(program: string): Promise<void> {
  const put = async (file: string, text: string): Promise<void> => {
    await mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, text);
    await chmod(file, 0o644);
  };
  await wherePossible(async () => {
    for (const { from, to } of await manPages()) await put(to, await readFile(from, 'utf8'));
  });
  for (const name of names) {
    const { link, ...places } = placesOf(name);
    await wherePossible(async () => {
      if (!(await fs.pathExists(link))) await symlink(path.join(program, `dist/${name}.js`), link);
    });
    await wherePossible(async () => {
      for (const shell of ['bash', 'zsh', 'fish'] as const)
        await put(places[shell], completions[shell](name));
    });
  }
}

/** Nothing depends on these files, and /usr may be read-only. */
async function wherePossible(act: () => Promise<void>): Promise<void> {
  await act().catch((cause: unknown) => {
    if (!['EROFS', 'ENOENT'].includes(systemCode(cause) ?? '')) throw cause;
  });
}

async function removeLinks(name: string): Promise<void> {
  const { link, ...files } = placesOf(name);
  for (const file of Object.values(files)) await fs.remove(file);
  const target = await readlink(link).catch(() => undefined);
  if (target === path.join(service.program, `dist/${name}.js`)) await fs.remove(link);
}

export const logs = command({
  summary: 'Show the log of the service',
  schema: z.object({
    follow: toggle('wait for more, until Ctrl-C').meta({ alias: 'f' }),
    lines: z
      .string()
      .regex(/^\d{1,6}$/, 'should be a number')
      .default('50')
      .meta({ description: 'how many of the newest lines', placeholder: 'N', alias: 'n' }),
  }),
  examples: [
    ['flockd logs --follow', 'as it is written; journalctl -u flockd -p warning shows what matters, as JSON'],
  ],
  exits: { unavailable: 'there is no systemd journal, or it has refused' },
  async run({ follow, lines }) {
    const args = ['--unit', 'flockd', '--output', 'cat', '--lines', lines, ...(follow ? ['--follow'] : [])];
    const journal = spawn('journalctl', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const { stdout } = process;
    if (stdout.isTTY) {
      const color = wantsColor(true);
      journal.stdout.pipe(linesForPeople(stdout, { color, timezone: ownZone, withDate: true }));
    } else journal.stdout.pipe(stdout);
    // journalctl gets Ctrl-C too.
    process.once('SIGINT', () => undefined);
    const ended = new Promise<number | null>((resolve, reject) => {
      journal.once('error', reject).once('close', resolve);
    });
    const code = await ended.catch((cause: unknown) => {
      const hint = 'without systemd, the log is what flockd run writes';
      throw new FlockError('unavailable', `cannot run journalctl: ${reasonOf(cause)}`, { hint, cause });
    });
    return code === 0 || code === null ? 'done' : 'unavailable';
  },
});

/** Runs a program of the system, whose output is shown. @throws {FlockError} `io` where it fails */
function run(program: string, ...args: readonly string[]): void {
  const env = { ...plainEnvironment(), STATE_DIRECTORY: service.ledger };
  const { status, error: cause } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
  if (status === 0) return;
  const hint = 'its message is above; repair that, then run the same command again';
  throw new FlockError('io', `${[program, ...args].join(' ')} failed`, { hint, cause });
}

/** Runs a program of the system silently. @returns whether it succeeded */
const ask = (program: string, ...args: readonly string[]): boolean =>
  spawnSync(program, args, { stdio: 'ignore', env: plainEnvironment() }).status === 0;
