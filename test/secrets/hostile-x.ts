import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How X answers. `echo` sends the request back, headers and body and all, in every place an answer has. */
export type Mood = 'good' | 'cut' | 'html' | 'redirect' | 'empty' | 'drop' | `${number}` | `echo ${number}`;

/** What a good X grants. */
export interface Granted {
  requestToken: string;
  requestSecret: string;
  accessToken: string;
  accessSecret: string;
  userId: string;
  screenName: string;
}

/** An X that grants the tokens it was given, believes every signature, and fails as it is told. */
export class HostileX implements AsyncDisposable {
  mood: Mood = 'good';
  /** Whether it is well as long as a request token is asked for. */
  failsLater = false;
  requests = 0;
  /** Where the person was last to be sent back to. */
  callback = '';
  readonly #server = createServer((request, response) => {
    void this.#serve(request, response);
  });
  readonly #granted: (token: string) => Granted;

  private constructor(granted: (token: string) => Granted) {
    this.#granted = granted;
  }

  static async open(granted: (token: string) => Granted): Promise<HostileX> {
    const x = new HostileX(granted);
    x.#server.listen(0, '127.0.0.1');
    await once(x.#server, 'listening');
    return x;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString('utf8');
    this.requests++;
    const { authorization = '' } = request.headers;
    const callback = /oauth_callback="([^"]*)"/.exec(authorization)?.[1];
    if (callback !== undefined) this.callback = decodeURIComponent(callback);
    const isFirst = (request.url ?? '').startsWith('/oauth/request_token');
    const good = (): void => this.#good(request.url ?? '', tokenIn(authorization), response);
    if (this.mood === 'good' || (this.failsLater && isFirst)) good();
    else bad(this.mood, `${authorization}; ${body}`, response, good);
  }

  #good(url: string, token: string, response: ServerResponse): void {
    const granted = this.#granted(token);
    const { path, form, json } = answerTo(url, granted);
    if (path === 'nothing') response.writeHead(404).end();
    else if (form) response.end(new URLSearchParams(form).toString());
    else
      response
        .writeHead(url === '/2/tweets' ? 201 : 200, { 'content-type': 'application/json' })
        .end(JSON.stringify(json));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** The token a request is signed with, or nothing. */
const tokenIn = (authorization: string): string => /oauth_token="([^"]*)"/.exec(authorization)?.[1] ?? '';

interface GoodAnswer {
  path?: 'nothing';
  form?: Record<string, string>;
  json?: unknown;
}

function answerTo(url: string, granted: Granted): GoodAnswer {
  const { userId, screenName } = granted;
  if (url.startsWith('/oauth/request_token'))
    return {
      form: {
        oauth_token: granted.requestToken,
        oauth_token_secret: granted.requestSecret,
        oauth_callback_confirmed: 'true',
      },
    };
  if (url.startsWith('/oauth/access_token'))
    return {
      form: {
        oauth_token: granted.accessToken,
        oauth_token_secret: granted.accessSecret,
        user_id: userId,
        screen_name: screenName,
      },
    };
  if (url.startsWith('/2/users/me'))
    return { json: { data: { id: userId, username: screenName, name: 'N' } } };
  if (url.startsWith('/2/users/')) return { json: { meta: { result_count: 0 } } };
  if (url.startsWith('/2/tweets')) return { json: { data: { id: String(Date.now()), text: 'as sent' } } };
  if (url.startsWith('/1.1/oauth/invalidate_token')) return { json: { access_token: granted.accessToken } };
  return { path: 'nothing' };
}

function bad(mood: Mood, echo: string, response: ServerResponse, good: () => void): void {
  const [name = '', status = ''] = mood.split(' ');
  switch (name) {
    case 'drop':
      response.destroy();
      return;
    case 'cut':
      response.writeHead(200, { 'content-length': '5000' }).write('oauth_token=');
      setTimeout(() => response.destroy(), 20);
      return;
    case 'html':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html><h1>Please sign in</h1></html>');
      return;
    case 'redirect':
      response.writeHead(302, { location: '/login' }).end();
      return;
    case 'empty':
      response.end();
      return;
    case 'echo':
      echoed(Number(status), echo, response);
      return;
    case 'good':
      good();
      return;
    default:
      response
        .writeHead(Number(name))
        .end(JSON.stringify({ title: `Fault ${name}`, errors: [{ code: 89, message: 'no' }] }));
  }
}

/** As careless servers and proxies do: in the status line, in headers, and in every field an error has. */
function echoed(status: number, echo: string, response: ServerResponse): void {
  const line = echo.replaceAll(/[^\x20-\x7e]/g, '?');
  const headers = {
    'x-echo': line,
    location: `/?${encodeURIComponent(line)}`,
    'content-type': 'application/json',
  };
  const problem = {
    title: echo,
    detail: echo,
    type: `about:${echo}`,
    message: echo,
    oauth_problem: echo,
    errors: [{ code: 50, message: echo, parameters: { echo: [echo] } }],
    data: { id: echo, text: echo, username: echo },
  };
  response.writeHead(status, line, headers).end(JSON.stringify(problem));
}
