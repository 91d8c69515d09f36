import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { HeldClock } from '../../src/clock.ts';
import type { SandboxAnswer } from '../../src/sandbox/requests.ts';
import { Sandbox, type SandboxOptions } from '../../src/sandbox/sandbox.ts';

export interface Pair {
  token: string;
  secret: string;
}

export const app: Pair = { token: 'app-key', secret: 'app-secret' };

export interface Message {
  method?: string;
  /** Path and query. */
  url: string;
  token?: Pair | undefined;
  /** Signs with these app keys instead of the right ones; null leaves the request unsigned. */
  signer?: Pair | null;
  /** Parameters of OAuth beyond the usual, or other values for the usual. */
  oauth?: Record<string, string>;
  form?: Record<string, string>;
  json?: unknown;
  headers?: Record<string, string>;
  host?: string;
}

const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const compare = (a: string, b: string): number => Number(a > b) - Number(a < b);

/** A signer of its own, so that neither the sandbox's verifier nor the programs' signer is tested with itself. */
export function signHeader(
  method: string,
  base: string,
  parameters: [string, string][],
  oauth: Record<string, string>,
  secrets: { app: string; token?: string | undefined },
): string {
  const all = [...parameters, ...Object.entries(oauth)].map(
    ([name, value]) => [encode(name), encode(value)] as const,
  );
  // By name, then by value: sorting `name=value` would put `a%20` before `a`.
  all.sort(([a, x], [b, y]) => compare(a, b) || compare(x, y));
  const text = [method, base, all.map((pair) => pair.join('=')).join('&')].map(encode).join('&');
  const key = `${encode(secrets.app)}&${encode(secrets.token ?? '')}`;
  const signature = createHmac('sha1', key).update(text).digest('base64');
  const fields = Object.entries({ ...oauth, oauth_signature: signature });
  return `OAuth ${fields.map(([name, value]) => `${encode(name)}="${encode(value)}"`).join(', ')}`;
}

export type Json = Record<string, unknown>;

/** A sandbox on a held clock and the means to talk to it without a network. */
export class Bench {
  readonly clock: HeldClock;
  readonly sandbox: Sandbox;
  #nonce = 0;

  constructor(options: Partial<SandboxOptions> = {}) {
    this.clock = new HeldClock('2026-11-21T09:00:00Z');
    this.sandbox = new Sandbox({ clock: this.clock, appKeys: [app], seed: 'test', ...options });
  }

  send(message: Message): SandboxAnswer {
    const { method = 'GET', url, host = '127.0.0.1:4010' } = message;
    const headers: Record<string, string> = { ...this.#bodyHeaders(message), ...message.headers };
    if (message.signer !== null) headers['authorization'] = this.#authorization(message, method, host);
    const body = message.form ? new URLSearchParams(message.form).toString() : '';
    const text = message.json === undefined ? body : JSON.stringify(message.json);
    return this.sandbox.handle({ method, url, host, headers, body: text });
  }

  post(token: Pair, text: string): SandboxAnswer {
    return this.send({ method: 'POST', url: '/2/tweets', token, json: { text } });
  }

  control(method: string, url: string, json?: unknown): unknown {
    const answer = this.send({ method, url, json, signer: null });
    assert.ok(answer.status < 300, answer.body);
    return JSON.parse(answer.body);
  }

  /** A request token for a PIN, or for `callback`. */
  begin(callback = 'oob', url = '/oauth/request_token'): Pair {
    const answer = this.send({ method: 'POST', url, oauth: { oauth_callback: callback } });
    assert.equal(answer.status, 200, answer.body);
    const fields = new URLSearchParams(answer.body);
    assert.equal(fields.get('oauth_callback_confirmed'), 'true');
    return { token: fields.get('oauth_token') ?? '', secret: fields.get('oauth_token_secret') ?? '' };
  }

  /** Fills in the page as a person would. */
  answerPage(request: Pair, fields: Record<string, string>, path = '/oauth/authorize'): SandboxAnswer {
    const asked = this.send({ url: `${path}?oauth_token=${request.token}`, signer: null });
    assert.equal(asked.status, 200, asked.body);
    return this.send({
      method: 'POST',
      url: path,
      signer: null,
      form: {
        oauth_token: request.token,
        authenticity_token: hiddenField(asked.body, 'authenticity_token'),
        action: 'authorize',
        ...fields,
      },
    });
  }

  finish(request: Pair, verifier: string): SandboxAnswer {
    return this.send({
      method: 'POST',
      url: '/oauth/access_token',
      token: request,
      oauth: { oauth_verifier: verifier },
    });
  }

  /** The whole dance: an access token for an account. */
  dance(screenName: string, url?: string): Pair & { userId: string } {
    const request = this.begin('oob', url);
    const answer = this.finish(request, pinOf(this.answerPage(request, { screen_name: screenName })));
    assert.equal(answer.status, 200, answer.body);
    const fields = new URLSearchParams(answer.body);
    return {
      token: fields.get('oauth_token') ?? '',
      secret: fields.get('oauth_token_secret') ?? '',
      userId: fields.get('user_id') ?? '',
    };
  }

  #bodyHeaders(message: Message): Record<string, string> {
    if (message.json !== undefined) return { 'content-type': 'application/json' };
    return message.form ? { 'content-type': 'application/x-www-form-urlencoded' } : {};
  }

  #authorization(message: Message, method: string, host: string): string {
    const signer = message.signer ?? app;
    const [path = '', query = ''] = message.url.split('?');
    const oauth: Record<string, string> = {
      oauth_consumer_key: signer.token,
      oauth_nonce: `nonce${String(this.#nonce++)}`,
      oauth_signature_method: 'HMAC-SHA1',
      oauth_timestamp: String(Math.floor(this.clock.now() / 1000)),
      oauth_version: '1.0',
      ...(message.token && { oauth_token: message.token.token }),
      ...message.oauth,
    };
    const parameters = [...new URLSearchParams(query), ...Object.entries(message.form ?? {})];
    const base = `${host.startsWith('api.') ? 'https' : 'http'}://${host}${path}`;
    return signHeader(method, base, parameters, oauth, { app: signer.secret, token: message.token?.secret });
  }
}

export function pinOf(answer: SandboxAnswer): string {
  const pin = /<div id="oauth_pin">.*?<code>(\d{7})<\/code>/s.exec(answer.body)?.[1];
  assert.ok(pin, answer.body);
  return pin;
}

export function hiddenField(page: string, name: string): string {
  const value = new RegExp(`name="${name}"\\s+value="([^"]*)"`).exec(page)?.[1];
  assert.ok(value !== undefined, `no field ${name}`);
  return value;
}

export const read = (answer: SandboxAnswer): Json => JSON.parse(answer.body) as Json;

/** The code of a /1.1 refusal. */
export function codeOf(answer: SandboxAnswer): number | undefined {
  return (JSON.parse(answer.body) as { errors?: { code: number }[] }).errors?.[0]?.code;
}

/** A field of `data`, as text. */
export function dataOf(answer: SandboxAnswer, field: string): string {
  const { data } = JSON.parse(answer.body) as { data?: Record<string, unknown> };
  return String(data?.[field]);
}

export interface Timeline {
  data?: { id: string; text: string; created_at?: string; entities?: { urls: Record<string, unknown>[] } }[];
  meta: { result_count: number; newest_id?: string; oldest_id?: string; next_token?: string };
}

/** A page of the account's own timeline. */
export function timeline(bench: Bench, key: Pair & { userId: string }, query = ''): Timeline {
  const answer = bench.send({ url: `/2/users/${key.userId}/tweets${query}`, token: key });
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body) as Timeline;
}
