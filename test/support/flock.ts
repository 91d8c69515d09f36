import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as z from 'zod';
import { systemClock } from '../../src/clock.ts';
import { type BotKey, TokenPair } from '../../src/oauth/signature.ts';
import type { Sandbox, SandboxOptions } from '../../src/sandbox/sandbox.ts';
import { openSandbox, type OpenSandbox } from '../../src/sandbox/server.ts';
import {
  type Environment,
  type Exit,
  type Program,
  type Running,
  start,
  type StartOptions,
} from './programs.ts';

export { authorizeAs, sentBackAs } from '../../scripts/person.js';

export interface TestFlockOptions {
  /** Texts by their path below `poems/`. */
  poems?: Record<string, string | Uint8Array>;
  /** The content of `flock.json`. */
  settings?: unknown;
  sandbox?: Partial<SandboxOptions>;
}

/** A key bundle as it is stored. */
export type StoredBundle = Record<string, unknown>;

export interface Finished extends Exit {
  stdout: string;
  stderr: string;
}

export const app = { token: 'test-app-key', secret: 'test-app-secret' };
/** The app of bots that have another one. */
export const otherApp = { token: 'other-app-key', secret: 'other-app-secret' };

/** Posts each second and rests at the end: fast enough to watch. */
export const everySecond = { schedule: '*/1 * * * * *', atEnd: 'stop', timezone: 'UTC' };

/** The lines of a sample poem, no two alike. */
export const linesOf = (word: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${word} ${index + 1}: the tide comes in by itself`);
export const poem = (word: string, count: number): string => `${linesOf(word, count).join('\n')}\n`;

/** When a poem was written that nobody is writing now. */
const longAgo = new Date('2026-01-01T00:00:00Z');

/** The main password of every account at Bluesky. */
export const mainPassword = 'the-main-password';

/** An account at Bluesky: an app password, and the header with which its owner calls. */
interface BlueskyLogin {
  did: string;
  appPassword: string;
  authorization: string;
}

/** What every flock of the tests has: an X in this process, which tells what each account has posted. */
export abstract class SandboxFlock {
  abstract readonly sandbox: Sandbox;

  /** A key that X grants for an account, as it is in a program. */
  keyOf(account: string, of = app): BotKey {
    const { token, secret, userId, screenName } = this.sandbox.grant(of.token, account);
    return {
      appKeys: new TokenPair(of.token, of.secret),
      accessToken: new TokenPair(token, secret),
      userId,
      screenName,
    };
  }

  readonly #atBluesky = new Map<string, BlueskyLogin>();

  /** The account `<name>.test` at Bluesky; it is made at the first call. */
  atBluesky(name: string, host = '127.0.0.1:1'): BlueskyLogin {
    const known = this.#atBluesky.get(name);
    if (known) return known;
    const call = (method: string, body: object, headers: Record<string, string> = {}): unknown => {
      const url = `/bluesky/xrpc/com.atproto.server.${method}`;
      return JSON.parse(
        this.sandbox.handle({ method: 'POST', url, host, headers, body: JSON.stringify(body) }).body,
      );
    };
    const made = call('createAccount', { handle: `${name}.test`, password: mainPassword });
    const { did, accessJwt } = z.object({ did: z.string(), accessJwt: z.string() }).parse(made);
    const app = call('createAppPassword', { name: 'flockd' }, { authorization: `Bearer ${accessJwt}` });
    const { password: appPassword } = z.object({ password: z.string() }).parse(app);
    const login = { did, appPassword, authorization: `Bearer ${accessJwt}` };
    this.#atBluesky.set(name, login);
    return login;
  }

  /** What an account has posted, oldest first. */
  entriesOf(account: string): readonly { text: string; instant: number }[] {
    const { world } = this.sandbox;
    return world.postsOf(world.accountNamed(account)?.id ?? '');
  }

  /** The texts of its posts. */
  postsOf(account: string): string[] {
    return this.entriesOf(account).map(({ text }) => text);
  }

  /** When it posted. */
  timesOf(account: string): string[] {
    return this.entriesOf(account).map(({ instant }) => new Date(instant).toISOString());
  }

  /** Resolves once the account has made so many posts. */
  posted(account: string, count: number): Promise<void> {
    return new Promise((resolve) => {
      const enough = (): boolean => this.entriesOf(account).length >= count;
      if (enough()) {
        resolve();
        return;
      }
      const stop = this.sandbox.world.watch(() => {
        if (!enough()) return;
        stop();
        resolve();
      });
    });
  }

  /** Calls the sandbox's own control, for example `accounts/howl/suspend`. */
  control(route: string, body: object = {}): void {
    const { status } = this.sandbox.handle({
      method: 'POST',
      url: `/sandbox/${route}`,
      host: '127.0.0.1:1',
      headers: {},
      body: JSON.stringify(body),
    });
    assert.ok(status < 300, `the sandbox answered ${status} to ${route}`);
  }
}

/** A flock in a folder of its own, with an X that listens, for the two programs. Disposing ends and removes all of it. */
export class TestFlock extends SandboxFlock implements AsyncDisposable {
  readonly root: string;
  readonly x: OpenSandbox;
  readonly #running: Running[] = [];

  static async open({ poems = {}, settings, sandbox = {} }: TestFlockOptions = {}): Promise<TestFlock> {
    const root = await mkdtemp(path.join(tmpdir(), 'flock-'));
    const x = await openSandbox({ port: 0, clock: systemClock, appKeys: [app], ...sandbox });
    const flock = new TestFlock(root, x);
    for (const [file, text] of Object.entries(poems)) await flock.write(path.join('poems', file), text);
    if (settings !== undefined) await flock.write('flock.json', JSON.stringify(settings));
    return flock;
  }

  private constructor(root: string, x: OpenSandbox) {
    super();
    this.root = root;
    this.x = x;
  }

  get sandbox(): Sandbox {
    return this.x.sandbox;
  }

  get environment(): Environment {
    return {
      CONSUMER_TOKEN: app.token,
      CONSUMER_TOKEN_SECRET: app.secret,
      KEYMAKER_API_URL: this.x.url,
    };
  }

  file(...parts: string[]): string {
    return path.join(this.root, ...parts);
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    await mkdir(path.dirname(this.file(name)), { recursive: true });
    await writeFile(this.file(name), content);
    // A poem that was written just now waits until it has stood still.
    if (name.startsWith('poems')) await utimes(this.file(name), longAgo, longAgo);
    // As keymaker writes bundles, and as whatever holds a secret must be.
    await chmod(this.file(name), 0o600);
  }

  start(program: Program, args: readonly string[], options: Partial<StartOptions> = {}): Running {
    const env = { ...this.environment, ...options.env };
    return this.watch(start(program, args, { cwd: this.root, ...options, env }));
  }

  /** Makes a process part of the flock: it ends with it. */
  watch(running: Running): Running {
    this.#running.push(running);
    return running;
  }

  /** Runs a program to its end on the given lines of input. */
  async run(
    program: Program,
    args: readonly string[],
    { input = [], ...options }: Partial<StartOptions> & { input?: readonly string[] } = {},
  ): Promise<Finished> {
    const running = this.start(program, args, options);
    running.write(input.map((line) => `${line}\n`).join(''));
    running.endInput();
    const exit = await running.exit;
    return { ...exit, stdout: running.stdout, stderr: running.stderr };
  }

  /** The bundle X would grant for an account, as keymaker stores it. */
  granted(bot: string, account = bot.replaceAll('-', '_')): Record<string, string> {
    const { token, secret, userId } = this.sandbox.grant(app.token, account);
    return {
      consumer_token: app.token,
      consumer_token_secret: app.secret,
      oauth_token: token,
      oauth_token_secret: secret,
      user_id: userId,
      screen_name: account,
      poem_file: `poems/${bot}.txt`,
    };
  }

  /** Gives a bot a bundle without the PIN dance. */
  async giveKey(bot: string, change: (bundle: Record<string, string>) => unknown = (bundle) => bundle) {
    await this.write(`keys/${bot}.json`, `${JSON.stringify(change(this.granted(bot)), null, 2)}\n`);
  }

  async bundle(bot: string): Promise<StoredBundle> {
    return JSON.parse(await readFile(this.file('keys', `${bot}.json`), 'utf8')) as StoredBundle;
  }

  /** None of the values of any bundle is in anything that was said or written. */
  async assertNoSecrets(): Promise<void> {
    const secrets = await this.#secrets();
    const said = this.#running.flatMap(({ stdout, stderr }) => [stdout, stderr]);
    const written = await this.#textsIn('state');
    assert.ok(secrets.length > 0);
    for (const text of [...said, ...written]) {
      for (const secret of secrets) assert.ok(!text.includes(secret), `a secret in: ${text}`);
    }
  }

  async #secrets(): Promise<string[]> {
    const bundles = await this.#textsIn('keys');
    const names = [
      'consumer_token',
      'consumer_token_secret',
      'oauth_token',
      'oauth_token_secret',
      'app_password',
    ];
    return bundles.flatMap((text) => {
      // The id of an app of Mastodon stands in every link.
      const hidden = text.includes('"provider": "mastodon"') ? names.slice(1) : names;
      return hidden.flatMap((name) => new RegExp(`"${name}":\\s*"([^"]{8,})"`).exec(text)?.[1] ?? []);
    });
  }

  async #textsIn(folder: string): Promise<string[]> {
    const entries = await readdir(this.file(folder), { recursive: true, withFileTypes: true }).catch(
      () => [],
    );
    const files = entries.filter((entry) => entry.isFile());
    return Promise.all(files.map(({ parentPath, name }) => readFile(path.join(parentPath, name), 'utf8')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#running) running.kill('SIGKILL');
    await Promise.all(this.#running.map(({ exit }) => exit));
    await this.x.close();
    await rm(this.root, { recursive: true, force: true });
  }
}
