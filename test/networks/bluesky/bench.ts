import assert from 'node:assert/strict';
import { HeldClock } from '../../../src/clock.ts';
import { type HttpAnswer, type HttpRequest, NoAnswer, type Send } from '../../../src/http/exchange.ts';
import { type BlueskyAccount, openBluesky, newTid } from '../../../src/networks/bluesky/client.ts';
import type { BlueskyKey } from '../../../src/networks/bluesky/sessions.ts';
import type { Outcome } from '../../../src/networks/network.ts';
import type { BlueskyOptions } from '../../../src/sandbox/bluesky-servers.ts';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import type { SandboxState } from '../../../src/sandbox/world.ts';
import { Secret } from '../../../src/text.ts';
import { sendTo } from '../../sandbox/bluesky-bench.ts';

const origin = 'http://127.0.0.1:4010';
export const server = `${origin}/bluesky`;
export const directory = `${origin}/bluesky/plc`;

export const kindOf = (outcome: Outcome<unknown>): string => ('ok' in outcome ? 'ok' : outcome.failure.kind);

/** The method that a request calls, without its namespace. */
export const methodOf = ({ url }: HttpRequest): string => new URL(url).pathname.split(/[./]/).at(-1) ?? '';

type Change = (request: HttpRequest) => Partial<HttpAnswer> | Error | undefined | Promise<HttpAnswer>;

/** A client of the sandbox on a held clock, where answers can be others than the sandbox's. */
export class Bench {
  readonly clock = new HeldClock('2026-11-21T09:00:00Z');
  readonly sandbox: Sandbox;
  readonly sent: HttpRequest[] = [];
  /** Gives the answer in place of the sandbox, which then does not see the request. */
  instead: Change = () => undefined;
  readonly send: Send;
  open: (key: BlueskyKey) => BlueskyAccount;
  #people = 0;

  constructor(bluesky: BlueskyOptions = {}, state?: SandboxState) {
    const options = { clock: this.clock, appKeys: [], seed: 'test', bluesky };
    this.sandbox = new Sandbox(state ? { ...options, state } : options);
    const send = sendTo(this.sandbox);
    this.send = async (request) => {
      this.sent.push(request);
      const answer = await this.instead(request);
      if (answer instanceof Error) throw answer;
      return answer ? { status: 200, headers: {}, body: '', ...answer } : send(request);
    };
    this.open = this.openAll();
  }

  /** As a new process would: without any session. */
  openAll(): Bench['open'] {
    return openBluesky({ send: this.send, clock: this.clock, directory });
  }

  async call(name: string, body: object, bearer?: string, at = server): Promise<Record<string, unknown>> {
    const answer = await sendTo(this.sandbox)({
      method: 'POST',
      url: name.startsWith('/') ? origin + name : `${at}/xrpc/com.atproto.${name}`,
      headers: { 'content-type': 'application/json', ...(bearer !== undefined && { authorization: bearer }) },
      body: JSON.stringify(body),
    });
    assert.equal(answer.status, 200, answer.body);
    return answer.body === '' ? {} : (JSON.parse(answer.body) as Record<string, unknown>);
  }

  /** A new account, with an app password named `flock`. */
  async person() {
    const handle = `bot-${String(++this.#people)}.test`;
    const made = await this.call('server.createAccount', { handle, password: 'main' });
    const access = `Bearer ${String(made['accessJwt'])}`;
    const { password } = await this.call('server.createAppPassword', { name: 'flock' }, access);
    const userId = String(made['did']);
    const key: BlueskyKey = { userId, appPassword: new Secret(String(password)), server };
    let last: string | undefined;
    const mark = (): string => (last = newTid(this.clock.now(), last));
    return { handle, access, key, mark, userId };
  }

  /** The methods that were called since the last look. */
  calls(): string[] {
    return this.sent.splice(0).map(methodOf);
  }

  posts(): string[] {
    return this.sandbox.world.posts.filter(({ deleted }) => !deleted).map(({ text }) => text);
  }
}

export const xrpcError = (status: number, error: string, message = ''): Partial<HttpAnswer> => ({
  status,
  body: JSON.stringify({ error, message }),
});

export const lost = new NoAnswer('the answer was lost', { sent: true });
export const unreachable = new NoAnswer('cannot reach the server', { sent: false });
