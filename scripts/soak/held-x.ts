import { z } from 'zod';
import { type Clock, sleepUntil } from '../../src/clock.ts';
import { type HttpAnswer, type HttpRequest, NoAnswer, type Send } from '../../src/http/exchange.ts';

/** A simulated X. */
export interface AnsweringX {
  send: Send;
  /** The number of accepted posts. */
  readonly posts: number;
}

interface Post {
  id: string;
  text: string;
}

/** A fault of a post, and whether X accepts the post in spite of it. */
const faults = [
  { what: 'busy', taken: false },
  { what: 'down', taken: false },
  { what: 'down', taken: true },
  { what: 'late', taken: false },
  { what: 'late', taken: true },
  { what: 'cut', taken: true },
  { what: 'unreached', taken: false },
  { what: 'unknown key', taken: false },
] as const;
type Fault = (typeof faults)[number];

/** One in this many posts gets a fault, and one in this many reads of a timeline. */
const faultEvery = 100;
const blindEvery = 10;

/** How many posts of an account are kept: a bot looks only for its last one. */
const remembered = 4;

/** The value of flockd. Milliseconds. */
const deadline = 10_000;

const json = { 'content-type': 'application/json' };
const posted = z.object({ text: z.string() });

/**
 * X in the same process on a held clock: accepts posts, shows timelines, and sometimes fails with each kind of fault. The same
 * requests get the same faults. It keeps almost nothing, so that any growth of the process is flockd's.
 */
export class HeldX implements AnsweringX {
  posts = 0;
  #requests = 0;
  #looks = 0;
  readonly #clock: Clock;
  readonly #timelines = new Map<string, Post[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  send = async (request: HttpRequest): Promise<HttpAnswer> => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === '/2/tweets') return this.#post(request);
    const account = /^\/2\/users\/(\d+)\/tweets$/.exec(pathname)?.[1];
    // The ping and the hooks.
    if (account === undefined) return { status: 200, headers: {}, body: '' };
    if (++this.#looks % blindEvery === 0) return problem(503);
    return this.#timeline(account, searchParams.get('since_id') ?? '');
  };

  async #post({ headers, body = '' }: HttpRequest): Promise<HttpAnswer> {
    const account = /oauth_token="(\d+)-/.exec(headers['authorization'] ?? '')?.[1] ?? '';
    const isFaulty = ++this.#requests % faultEvery === 0;
    const fault = isFaulty ? faults[(this.#requests / faultEvery) % faults.length] : undefined;
    const id = fault?.taken === false ? '' : this.#take(account, posted.parse(JSON.parse(body)).text);
    return fault ? this.#fail(fault) : { status: 201, headers: json, body: JSON.stringify({ data: { id } }) };
  }

  #take(account: string, text: string): string {
    const id = `189${String(++this.posts).padStart(16, '0')}`;
    const timeline = this.#timelines.get(account) ?? [];
    this.#timelines.set(account, [{ id, text }, ...timeline.slice(0, remembered - 1)]);
    return id;
  }

  async #fail({ what }: Fault): Promise<HttpAnswer> {
    switch (what) {
      case 'busy':
        return problem(429, {
          'x-rate-limit-remaining': '0',
          'x-rate-limit-reset': String(Math.floor(this.#clock.now() / 1000) + 900),
        });
      case 'down':
        return problem(503);
      case 'late':
        await sleepUntil(this.#clock, this.#clock.now() + deadline);
        throw new NoAnswer(`no whole answer within ${deadline / 1000} s`, true);
      case 'cut':
        throw new NoAnswer('the connection broke', true);
      case 'unreached':
        throw new NoAnswer('the connection was refused', false);
      case 'unknown key':
        return problem(401);
    }
  }

  #timeline(account: string, since: string): HttpAnswer {
    // All ids have the same length, so they compare as text.
    const data = (this.#timelines.get(account) ?? []).filter(({ id }) => id > since);
    const body = JSON.stringify({ data, meta: { result_count: data.length } });
    return { status: 200, headers: json, body };
  }
}

const problem = (status: number, headers: Record<string, string> = {}): HttpAnswer => ({
  status,
  headers: { ...json, ...headers },
  body: JSON.stringify({ title: 'not now', detail: 'not now', type: 'about:blank', status }),
});
