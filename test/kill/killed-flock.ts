import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { SandboxAnswer, SandboxRequest } from '../../src/sandbox/requests.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { bundle } from '../support/bundle.ts';
import { TestFlock } from '../support/flock.ts';

const script = path.join(import.meta.dirname, 'flock-process.ts');
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
export class KilledFlock implements AsyncDisposable {
  /** The share of requests to post that land late, when their client has heard that the connection is gone. */
  lateShare = 0;
  /** How many requests to post were taken up too late to be worked off. */
  tooOld = 0;
  readonly #flock: TestFlock;
  readonly #poems: ReadonlyMap<string, string[]>;

  static async open(poems: ReadonlyMap<string, string[]>): Promise<KilledFlock> {
    const texts = Array.from(poems, ([bot, lines]) => [`${bot}.txt`, lines.join('\n')]);
    const flock = await TestFlock.open({
      poems: Object.fromEntries(texts) as Record<string, string>,
      sandbox: { duplicates: 'accept', limits: noLimits },
    });
    for (const bot of poems.keys()) await flock.giveKey(bot);
    return new KilledFlock(flock, poems);
  }

  private constructor(flock: TestFlock, poems: ReadonlyMap<string, string[]>) {
    this.#flock = flock;
    this.#poems = poems;
    const { sandbox } = flock;
    const work = sandbox.handle.bind(sandbox);
    sandbox.handle = (request) => (request.method === 'POST' ? this.#takePost(request, work) : work(request));
  }

  /** What the server does to requests. */
  get faults(): Sandbox['faults'] {
    return this.#flock.sandbox.faults;
  }

  /** How many posts the server has. */
  get posted(): number {
    return this.#flock.sandbox.world.posts.length;
  }

  /**
   * Runs the daemon until it ends.
   *
   * @param killAt - as `KillPoint` takes it
   * @param touched - called after each of its touches of the disk and the network
   * @returns what it touched, and whether it ended by itself
   */
  async run(
    killAt = '',
    touched: (touch: string, child: ChildProcess) => void = () => undefined,
  ): Promise<{ touches: string[]; finished: boolean }> {
    const { root, x } = this.#flock;
    const args = [await bundle(script), root, x.url, String(deadline), String(settle), killAt];
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
    return [...this.#poems].flatMap(([bot, lines]): [string, string[]][] => {
      const posts = this.#flock.postsOf(bot);
      return JSON.stringify(posts) === JSON.stringify(lines) ? [] : [[bot, posts]];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flock[Symbol.asyncDispose]();
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
