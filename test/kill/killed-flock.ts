import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/clock.ts';
import { KeyStore } from '../../src/keys/store.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import type { SandboxAnswer, SandboxRequest } from '../../src/sandbox/sandbox.ts';
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

/** The daemon's waits, scaled down from 10 seconds and 5 minutes. Milliseconds. */
const deadline = 800;
const settle = 1200;

/** How long a request that lands late is held up. Milliseconds. */
const heldUp = 200;

const dropped: SandboxAnswer = { status: 200, headers: {}, body: '', fault: { kind: 'drop' } };

/**
 * A flock on the disk whose daemon is killed, and a server that accepts repetitions, so that none stays hidden.
 *
 * On a busy machine this server takes requests up late: a new connection waits in the kernel's queue, of which Node accepts
 * one each time round its event loop, while those that are open overtake it. The promise holds as long as X takes nothing
 * later than deadline and settle after it was signed. X keeps to that by the age of the signature, and so does this server,
 * scaled down like the waits: what it takes up later than that, nothing comes of, and it is counted.
 */
export class KilledFlock {
  readonly root: string;
  readonly server: OpenSandbox;
  /** The share of requests to post that land late, when their client has heard that the connection is gone. */
  lateShare = 0;
  /** How many requests to post were taken up too late to be worked off. */
  tooOld = 0;
  readonly #poems: ReadonlyMap<string, string[]>;

  private constructor(root: string, server: OpenSandbox, poems: ReadonlyMap<string, string[]>) {
    this.root = root;
    this.server = server;
    this.#poems = poems;
    const { sandbox } = server;
    const work = sandbox.handle.bind(sandbox);
    sandbox.handle = (request) => (request.method === 'POST' ? this.#takePost(request, work) : work(request));
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

  /** How many posts the server has. */
  get posted(): number {
    return this.server.sandbox.world.posts.length;
  }

  /**
   * Runs the daemon until it ends.
   *
   * @param killAt - as flock-process.js takes it
   * @param touched - called after each of its touches of the disk and the network
   * @returns what it touched, and whether it ended by itself
   */
  async run(
    killAt = '',
    touched: (touch: string, child: ChildProcess) => void = () => undefined,
  ): Promise<{ touches: string[]; finished: boolean }> {
    const args = [await bundle(script), this.root, this.server.url, String(deadline), String(settle), killAt];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const touches: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => {
      touches.push(line);
      touched(line, child);
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { touches, finished: code === 0 };
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

  #takePost(request: SandboxRequest, work: (request: SandboxRequest) => SandboxAnswer): SandboxAnswer {
    if (Math.random() >= this.lateShare) return this.#workOff(request, work);
    setTimeout(() => this.#workOff(request, work), heldUp);
    return dropped;
  }

  #workOff(request: SandboxRequest, work: (request: SandboxRequest) => SandboxAnswer): SandboxAnswer {
    const signed = /oauth_timestamp="(\d+)"/.exec(request.headers['authorization'] ?? '')?.[1];
    if (Date.now() - 1000 * Number(signed) < deadline + settle) return work(request);
    this.tooOld++;
    return dropped;
  }
}
