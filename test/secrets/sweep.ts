import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { everySecond, poem, type Finished } from '../support/flock.ts';
import {
  start,
  type Environment,
  type Program,
  type Running,
  type StartOptions,
} from '../support/programs.ts';
import { Calls } from './calls.ts';
import { HostileX, type Mood } from './hostile-x.ts';
import { Sentinels, type Leak } from './search.ts';

/** Places where a secret belongs: bundles, what is pending, the app keys, and what the person wrote. */
const belongs = /^(keys\/[^/]+\.json|keys\/\.[^/]+\.pending|apikeys\.json|given\/.*|bin\/.*)$/;

/** The programs that ours start, each noted down with its arguments and environment. */
const children = ['flock', 'systemd-notify', 'xdg-open', 'browser'];

export interface SweepOptions {
  /** Where the person keeps the app keys. */
  appKeys?: 'in a file' | 'in the environment';
  mood?: Mood;
  failsLater?: boolean;
  /** Calls that are awaited share a process: there are many of them. */
  inOneProcess?: boolean;
}

export interface SweepRun extends Partial<StartOptions> {
  input?: readonly string[];
  /** Secrets that this call may show. */
  except?: readonly string[];
}

const ids = { howl: '1834567890123456789', prowl: '1834567890123456790' } as const;

/** A flock whose every secret is a sentinel, and everything that was said and written about it. */
export class Sweep implements AsyncDisposable {
  readonly sentinels = new Sentinels();
  readonly root: string;
  readonly #said: { what: string; bytes: Buffer; except: readonly string[] }[] = [];
  readonly #running: { running: Running; call: string; except: readonly string[] }[] = [];
  readonly #options: SweepOptions;
  #x: HostileX | undefined;
  #calls: Calls | undefined;

  static async open(options: SweepOptions = {}): Promise<Sweep> {
    const sweep = new Sweep(await mkdtemp(path.join(tmpdir(), 'sweep-')), options);
    await sweep.#prepare();
    return sweep;
  }

  private constructor(root: string, options: SweepOptions) {
    this.root = root;
    this.#options = options;
  }

  get x(): HostileX {
    assert.ok(this.#x);
    return this.#x;
  }

  get pin(): string {
    return this.sentinels.get('pin');
  }

  async #prepare(): Promise<void> {
    const { sentinels } = this;
    sentinels.plant('app token', { before: 'appk' });
    for (const secret of ['app secret', 'request secret', 'access secret', 'password', 'prowl secret'])
      sentinels.plant(secret);
    sentinels.plant('access token', { before: `${ids.howl}-` });
    sentinels.plant('prowl token', { before: `${ids.prowl}-` });
    sentinels.plant('verifier', { plain: true });
    sentinels.plantDigits('pin', 10);
    for (const folder of ['keys', 'tmp', 'home', 'bin', 'children', 'given', 'state', 'reports'])
      await mkdir(this.file(folder), { mode: 0o700 });
    await this.write('poems/howl.txt', poem('howl', 40));
    await this.write('poems/prowl.txt', poem('prowl', 40));
    await this.write('flock.json', JSON.stringify(everySecond));
    if (this.#options.appKeys !== 'in the environment') await this.writeAppKeys();
    for (const bot of ['howl', 'prowl'] as const) await this.giveKey(bot);
    for (const name of children) await this.#note(name);
    this.#x = await HostileX.open((token) => ({
      requestToken: 'request-token-that-anybody-may-see',
      requestSecret: sentinels.get('request secret'),
      accessToken: sentinels.get('access token'),
      accessSecret: sentinels.get('access secret'),
      ...(token.startsWith(ids.prowl)
        ? { userId: ids.prowl, screenName: 'prowl' }
        : { userId: ids.howl, screenName: 'howl' }),
    }));
    if (this.#options.inOneProcess === true) this.#calls = new Calls(this.root, this.#environment);
    this.x.mood = this.#options.mood ?? 'good';
    this.x.failsLater = this.#options.failsLater ?? false;
  }

  async #note(name: string): Promise<void> {
    const real = `/usr/bin/${name}`;
    const goesOn = name === 'flock' || name === 'systemd-notify' ? `exec ${real} "$@"` : 'exit 0';
    const note = `{ printf '%s\\n' "$0" "$@"; cat /proc/$$/environ; } > "${this.file('children', name)}.$$"`;
    await this.write(`bin/${name}`, `#!/bin/sh\n${note}\n${goesOn}\n`, 0o755);
  }

  file(...parts: string[]): string {
    return path.join(this.root, ...parts);
  }

  async write(name: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
    await mkdir(path.dirname(this.file(name)), { recursive: true });
    await writeFile(this.file(name), content);
    await chmod(this.file(name), mode);
  }

  get bundles(): Record<keyof typeof ids, Record<string, string>> {
    const bundle = (bot: keyof typeof ids, token: string, secret: string) => ({
      consumer_token: this.sentinels.get('app token'),
      consumer_token_secret: this.sentinels.get('app secret'),
      oauth_token: this.sentinels.get(token),
      oauth_token_secret: this.sentinels.get(secret),
      user_id: ids[bot],
      screen_name: bot,
      poem_file: `poems/${bot}.txt`,
    });
    return {
      howl: bundle('howl', 'access token', 'access secret'),
      prowl: bundle('prowl', 'prowl token', 'prowl secret'),
    };
  }

  giveKey(bot: keyof typeof ids): Promise<void> {
    return this.write(`keys/${bot}.json`, JSON.stringify(this.bundles[bot]));
  }

  writeAppKeys(): Promise<void> {
    const { consumer_token, consumer_token_secret } = this.bundles.howl;
    return this.write('apikeys.json', JSON.stringify({ consumer_token, consumer_token_secret }));
  }

  get #environment(): Environment {
    const { sentinels } = this;
    const nowhere = ['DATA_DIRS', 'DATA_HOME', 'CONFIG_HOME', 'CONFIG_DIRS'].map((name) => [
      `XDG_${name}`,
      '/nonexistent',
    ]);
    return {
      ...(Object.fromEntries(nowhere) as Environment),
      PATH: `${this.file('bin')}:${process.env['PATH'] ?? ''}`,
      TMPDIR: this.file('tmp'),
      HOME: this.file('home'),
      KEYMAKER_API_URL: this.x.url,
      ...(this.#options.appKeys === 'in the environment' && {
        CONSUMER_TOKEN: sentinels.get('app token'),
        CONSUMER_TOKEN_SECRET: sentinels.get('app secret'),
      }),
    };
  }

  start(program: Program, args: readonly string[], { except = [], ...options }: SweepRun = {}): Running {
    const env = { ...this.#environment, ...options.env };
    const running = start(program, args, { cwd: this.root, ...options, env });
    this.#running.push({ running, call: `${program} ${args.join(' ')}`, except });
    return running;
  }

  async run(
    program: Program,
    args: readonly string[],
    { input = [], ...options }: SweepRun = {},
  ): Promise<Pick<Finished, 'code' | 'stdout' | 'stderr'>> {
    if (this.#calls) return this.#call(program, args, { input, ...options });
    const running = this.start(program, args, options);
    running.write(input.map((line) => `${line}\n`).join(''));
    running.endInput();
    const exit = await ended(running);
    return { ...exit, stdout: running.stdout, stderr: running.stderr };
  }

  async #call(program: Program, args: readonly string[], { input = [], env = {}, except = [] }: SweepRun) {
    assert.ok(this.#calls);
    const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const text = input.map((line) => `${line}\n`).join('');
    const call = { program, args: [...args], env: Object.fromEntries(set), input: text };
    const said = await this.#calls.carryOut(call);
    for (const name of ['stdout', 'stderr'] as const)
      this.shown(`${name} of ${program} ${args.join(' ')}`, said[name], except);
    return said;
  }

  /** What was said or shown somewhere else. */
  shown(what: string, text: string, except: readonly string[] = []): void {
    this.#said.push({ what, bytes: Buffer.from(text), except });
  }

  /** Every secret in whatever was said or written where it does not belong. @param except - places of the disk to leave out */
  async leaks(except = /^$/): Promise<string[]> {
    const said = this.#running.flatMap(({ running, call, except: may }) =>
      (['stdout', 'stderr'] as const).map((name) => ({
        what: `${name} of ${call}`,
        bytes: Buffer.from(running[name]),
        except: may,
      })),
    );
    const all = [...said, ...this.#said, ...(await this.#written(except))];
    return all.flatMap(({ what, bytes, except: may }) =>
      oncePerSecret(this.sentinels.search(bytes, may)).map((leak) => `${describeLeak(leak)} in ${what}`),
    );
  }

  async assertClean(except?: RegExp): Promise<void> {
    const leaks = await this.leaks(except);
    assert.equal(leaks.length, 0, `${leaks.length} leaks:\n${leaks.slice(0, 30).join('\n')}`);
  }

  async #written(except: RegExp): Promise<{ what: string; bytes: Buffer; except: readonly string[] }[]> {
    const entries = await readdir(this.root, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => path.relative(this.root, path.join(parentPath, name)))
      .filter((file) => !belongs.test(file) && !except.test(file));
    const names = {
      what: 'the names of files',
      bytes: Buffer.from(entries.map(({ name }) => name).join('\n')),
      except: [],
    };
    const contents = files.map(async (file) => ({
      what: file,
      bytes: await readFile(this.file(file)),
      except: [],
    }));
    return [names, ...(await Promise.all(contents))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { running } of this.#running) running.kill('SIGKILL');
    await Promise.all(this.#running.map(({ running }) => running.exit));
    await this.#calls?.[Symbol.asyncDispose]();
    await this.x[Symbol.asyncDispose]();
    await rm(this.root, { recursive: true, force: true });
  }
}

const oncePerSecret = (leaks: readonly Leak[]): Leak[] => [
  ...new Map(leaks.map((leak) => [leak.secret, leak])).values(),
];

const describeLeak = ({ secret, encoding, around }: Leak): string =>
  `${secret} (${encoding}: …${around.replaceAll(/[^\x20-\x7e]/g, '·')}…)`;

/** Longer than any program takes to its end, on the slowest machine. Milliseconds. */
const patience = 600_000;

/** How a program ends, which it must. */
export async function ended(running: Running): ReturnType<() => Running['exit']> {
  const timer = setTimeout(() => running.kill('SIGKILL'), patience);
  const exit = await running.exit;
  clearTimeout(timer);
  assert.notEqual(exit.signal, 'SIGKILL', `it hung\n${running.stdout}\n${running.stderr}`);
  return exit;
}
