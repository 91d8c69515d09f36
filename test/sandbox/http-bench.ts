import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { HeldClock } from '../../src/clock.ts';
import { openSandbox, type OpenSandbox, type OpenSandboxOptions } from '../../src/sandbox/server.ts';
import { app, hiddenField, type Pair, signHeader } from './client.ts';

const started = '2026-11-21T09:00:00Z';

export interface Answer {
  status: number;
  type: string;
  /** Where a redirect leads. */
  location: string | undefined;
  body: string;
}

export interface SignedMessage {
  method?: 'GET' | 'POST';
  token?: Pair;
  /** Signs with these app keys instead of the right ones. */
  signer?: Pair;
  /** Parameters of OAuth beyond the usual, or other values for the usual. */
  oauth?: Record<string, string>;
}

/** A client of a sandbox that listens: what it sends goes over a socket. */
export class HttpBench {
  readonly clock: HeldClock;
  readonly #opened: OpenSandbox;
  #nonce = 0;

  constructor(opened: OpenSandbox, clock: HeldClock) {
    this.#opened = opened;
    this.clock = clock;
  }

  get world(): OpenSandbox['sandbox']['world'] {
    return this.#opened.sandbox.world;
  }

  get sandbox(): OpenSandbox['sandbox'] {
    return this.#opened.sandbox;
  }

  /** The address the sandbox listens at, without a slash at its end. */
  get url(): string {
    return this.#opened.url;
  }

  /** Sends a request signed in its header, whatever its query. */
  async signed(
    path: string,
    { method = 'GET', token, signer = app, oauth }: SignedMessage = {},
  ): Promise<Answer> {
    const target = new URL(path, this.url);
    const all = {
      oauth_consumer_key: signer.token,
      oauth_nonce: `nonce${String(this.#nonce++)}`,
      oauth_signature_method: 'HMAC-SHA1',
      oauth_timestamp: String(Math.floor(this.clock.now() / 1000)),
      oauth_version: '1.0',
      ...(token && { oauth_token: token.token }),
      ...oauth,
    };
    const base = target.origin + target.pathname;
    const secrets = { app: signer.secret, token: token?.secret };
    const authorization = signHeader(method, base, [...target.searchParams], all, secrets);
    return this.#send(target, { method, headers: { authorization } });
  }

  /** Opens a page as a browser would. */
  open(path: string): Promise<Answer> {
    return this.#send(new URL(path, this.url), {});
  }

  /** Fills in the form of a page and sends it where the form says. */
  submit(page: Answer, fields: Record<string, string>): Promise<Answer> {
    const action = /<form method="post" action="([^"]+)"/.exec(page.body)?.[1];
    assert.ok(action, page.body);
    const body = new URLSearchParams({
      oauth_token: hiddenField(page.body, 'oauth_token'),
      authenticity_token: hiddenField(page.body, 'authenticity_token'),
      action: 'authorize',
      ...fields,
    });
    return this.#send(new URL(action.replaceAll('&amp;', '&'), this.url), { method: 'POST', body });
  }

  async #send(target: URL, request: RequestInit): Promise<Answer> {
    const answer = await fetch(target, { ...request, redirect: 'manual' });
    const { status, headers } = answer;
    return {
      status,
      type: headers.get('content-type') ?? '',
      location: headers.get('location') ?? undefined,
      body: await answer.text(),
    };
  }
}

/** Opens a sandbox on a held clock that closes with the test. */
export async function openBench(
  t: TestContext,
  options: Partial<OpenSandboxOptions> = {},
): Promise<HttpBench> {
  const clock = new HeldClock(started);
  const opened = await openSandbox({ port: 0, clock, appKeys: [app], seed: 'test', ...options });
  t.after(() => opened.close());
  return new HttpBench(opened, clock);
}

/** The pair in a good form answer. */
export function pairOf({ status, body }: Answer): Pair {
  assert.equal(status, 200, body);
  const fields = new URLSearchParams(body);
  return { token: fields.get('oauth_token') ?? '', secret: fields.get('oauth_token_secret') ?? '' };
}

export const jsonOf = ({ body }: Answer): unknown => JSON.parse(body) as unknown;
