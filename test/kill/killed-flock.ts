import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../../src/clock.ts';
import type { BotName } from '../../src/flock/bot.ts';
import { KeyStore } from '../../src/keys/key-store.ts';
import { TokenPair } from '../../src/keys/token-pair.ts';
import { openSandbox, type OpenSandbox } from '../../src/sandbox/server.ts';
import { bundle } from '../support/bundle.ts';

const script = path.join(import.meta.dirname, 'flock-process.js');
const app = { token: 'app-key', secret: 'app-secret' };
const noLimits = {
  posts: null,
  appPostsPerDay: null,
  accountPostsPerDay: null,
  me: null,
  timeline: null,
  deletes: null,
};

/** A flock on the disk whose daemon is killed, and a server that accepts repetitions, so that none stays hidden. */
export class KilledFlock {
  readonly root: string;
  readonly server: OpenSandbox;
  readonly #poems: ReadonlyMap<string, string[]>;

  private constructor(root: string, server: OpenSandbox, poems: ReadonlyMap<string, string[]>) {
    this.root = root;
    this.server = server;
    this.#poems = poems;
  }

  static async open(poems: ReadonlyMap<string, string[]>): Promise<KilledFlock> {
    const root = await mkdtemp(path.join(tmpdir(), 'killed-'));
    const server = await openSandbox({
      port: 0,
      clock: systemClock,
      appKeys: [app],
      duplicates: 'accept',
      limits: noLimits,
    });
    const keys = new KeyStore(path.join(root, 'keys'));
    await mkdir(path.join(root, 'poems'));
    for (const [bot, lines] of poems) {
      await writeFile(path.join(root, 'poems', `${bot}.txt`), lines.join('\n'));
      const { token, secret, userId, screenName } = server.sandbox.grant(app.token, bot);
      await keys.write(bot as BotName, {
        appKeys: new TokenPair(app.token, app.secret),
        accessToken: new TokenPair(token, secret),
        userId,
        screenName,
        poemFile: `poems/${bot}.txt`,
      });
    }
    return new KilledFlock(root, server, poems);
  }

  async start(killAt = ''): Promise<ChildProcess> {
    return spawn(process.execPath, [await bundle(script), this.root, this.server.url, killAt], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  /** Runs the daemon until it ends. @returns what it touched, and whether it ended by itself */
  async run(killAt = ''): Promise<{ touches: string[]; finished: boolean }> {
    const child = await this.start(killAt);
    let output = '';
    child.stdout?.on('data', (data: Buffer) => (output += data.toString()));
    const [code] = (await once(child, 'exit')) as [number | null];
    return { touches: output.split('\n').filter(Boolean), finished: code === 0 };
  }

  /** Every bot whose posts are not its poem, line by line, with what it posted. */
  wrong(): [bot: string, posts: string[]][] {
    const { world } = this.server.sandbox;
    return [...this.#poems].flatMap(([bot, lines]): [string, string[]][] => {
      const posts = world.postsOf(world.accountNamed(bot)?.id ?? '').map(({ text }) => text);
      return JSON.stringify(posts) === JSON.stringify(lines) ? [] : [[bot, posts]];
    });
  }

  async close(): Promise<void> {
    await this.server.close();
    await rm(this.root, { recursive: true, force: true });
  }
}
