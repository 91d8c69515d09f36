import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, open } from 'node:fs/promises';
import { everySecond, poem, TestFlock, type Finished } from '../support/flock.ts';
import { scriptOf, startCommand, type Program, type Running } from '../support/programs.ts';

/** Enough for everything that is sane. Kibibytes of data, which a mapped or sparse file is not. */
const memory = 1_500_000;

/** A flock with one bot that nothing is wrong with, and one with which everything is. */
export async function openHostile(settings: unknown = everySecond): Promise<TestFlock> {
  const flock = await TestFlock.open({
    poems: { 'good.txt': poem('good', 60), 'bad.txt': poem('bad', 60) },
    settings,
  });
  for (const bot of ['good', 'bad']) await flock.giveKey(bot);
  await chmod(flock.file('keys'), 0o700);
  return flock;
}

/** Starts a program that may not have more memory than is sane. */
function startLimited(flock: TestFlock, program: Program, args: readonly string[]): Running {
  const limited = [
    '/bin/sh',
    '-c',
    `ulimit -d ${memory}; exec "$@"`,
    'sh',
    process.execPath,
    scriptOf(program),
    ...args,
  ];
  return flock.watch(startCommand(limited, { cwd: flock.root, env: flock.environment }));
}

/** Runs it to its end, which must come. */
export async function runLimited(
  flock: TestFlock,
  program: Program,
  args: readonly string[],
  input = '',
): Promise<Finished> {
  const running = startLimited(flock, program, args);
  running.write(input);
  running.endInput();
  const exit = await endOf(running);
  return { ...exit, stdout: running.stdout, stderr: running.stderr };
}

/** Longer than anything takes on the slowest machine. Milliseconds. */
const patience = 600_000;

async function endOf(running: Running): ReturnType<() => Running['exit']> {
  const timer = setTimeout(() => running.kill('SIGKILL'), patience);
  const exit = await running.exit;
  clearTimeout(timer);
  assert.notEqual(exit.signal, 'SIGKILL', `it hung\n${running.stdout}\n${running.stderr}`);
  return exit;
}

/** That what is wrong is said in one line that names the file, with nothing of the program's inside. */
export function assertSays(
  { stdout, stderr }: { stdout: string; stderr: string },
  named: RegExp,
  what: string,
): void {
  const text = `${stdout}${stderr}`;
  assert.match(text, named, `${what}: ${text.slice(0, 2000)}`);
  assertSane(text, what);
  for (const line of text.split('\n'))
    assert.ok(line.length < 1000, `${what}: a line of ${line.length} characters`);
}

/** That nothing is said that only a program would say. */
export function assertSane(text: string, what: string): void {
  const insides =
    /^\s+at .*\(?(node:|file:|.*\.js:\d)|this is a bug|RangeError|TypeError|heap out of memory|FATAL/m;
  assert.doesNotMatch(text, insides, `${what}: ${text.slice(0, 2000)}`);
}

export const fifo = (flock: TestFlock, ...parts: string[]): void => {
  execFileSync('mkfifo', ['-m', '600', flock.file(...parts)]);
};

/** A device under a name of ours: only root may make one. */
export const device = (flock: TestFlock, name: string, major: number, minor: number): void => {
  execFileSync('mknod', ['-m', '600', flock.file(name), 'c', String(major), String(minor)]);
};

/** A file of that many bytes that takes no room. */
export async function sparse(flock: TestFlock, name: string, size: number): Promise<void> {
  await using file = await open(flock.file(name), 'w', 0o600);
  await file.truncate(size);
}

/** Puts a poem of its own name in the bot's bundle. */
export const poemOfBad = (flock: TestFlock, poem_file: string): Promise<void> =>
  flock.giveKey('bad', (bundle) => ({ ...bundle, poem_file }));

/** The daemon with one bad bot: the other posts on, and it ends at once when told to. @returns what it said */
export async function runDaemon(flock: TestFlock, posts = 2): Promise<{ stdout: string; stderr: string }> {
  const before = flock.postsOf('good').length;
  const flockd = startLimited(flock, 'flockd', ['run']);
  await Promise.race([flock.posted('good', before + posts), died(flockd), late(flockd)]);
  flockd.kill('SIGTERM');
  const { code } = await endOf(flockd);
  assert.equal(code, 0, `${flockd.stdout}${flockd.stderr}`);
  return flockd;
}

async function died(running: Running): Promise<never> {
  const { code, signal } = await running.exit;
  throw new Error(`ended with ${code ?? signal ?? ''}\n${running.stdout}${running.stderr}`);
}

function late(running: Running): Promise<never> {
  return new Promise((_, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`posts nothing\n${running.stdout}${running.stderr}`)),
      patience,
    );
    void running.exit.then(() => clearTimeout(timer));
  });
}
