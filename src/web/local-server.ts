import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { hasManyHosts, listen, readBody } from './listen.ts';
import { plain, type LocalAnswer, type LocalRequest } from './local-exchange.ts';

export interface LocalServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without a slash at its end. */
  url: string;
}

export interface LocalServerOptions {
  /** 0 takes any that is free. */
  port: number;
  answer: (request: LocalRequest) => LocalAnswer | Promise<LocalAnswer>;
  /** Told of a mistake of the server's own. */
  failed: (error: unknown) => void;
}

/** The longest body that is read. Bytes. */
const longestBody = 64 * 1024;

/**
 * Serves pages to browsers on this machine, on 127.0.0.1 and nowhere else. A request under any other name is refused: a page
 * elsewhere can point a name of its own at this address (DNS rebinding), but cannot make the browser hide that name.
 *
 * @throws {FlockError} `unavailable` where the port cannot be had
 */
export async function openLocalServer({ port, answer, failed }: LocalServerOptions): Promise<LocalServer> {
  const server = createServer((request, response) => {
    serve(request, response, answer).catch((error: unknown) => {
      failed(error);
      respond(response, plain(500, 'something went wrong here; the terminal says what'));
    });
  });
  const url = await listen(server, port);
  return {
    url,
    [Symbol.asyncDispose]: () => closeServer(server),
  };
}

/** How long pages under way may take at the end. Milliseconds. */
const grace = 2000;

/** Lets the pages under way get to their readers first: the last one says how all ended. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cutOff = setTimeout(() => {
      server.closeAllConnections();
    }, grace);
    server.close(() => {
      clearTimeout(cutOff);
      resolve();
    });
    server.closeIdleConnections();
  });
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  answer: LocalServerOptions['answer'],
): Promise<void> {
  const { method = 'GET', headers, socket } = request;
  const allowed = [`127.0.0.1:${socket.localPort ?? 0}`, `localhost:${socket.localPort ?? 0}`];
  const host = headers.host?.toLowerCase() ?? '';
  const body = await readBody(request, longestBody);
  if (hasManyHosts(request)) respond(response, plain(400, 'a request has one Host'));
  else if (!allowed.includes(host)) respond(response, plain(421, 'this page does not go by that name'));
  else if (body === undefined) respond(response, plain(413, 'too long'));
  else {
    // A target such as //elsewhere would be read as another host.
    const url = new URL(`http://${host}/${(request.url ?? '/').replace(/^\/+/, '')}`);
    const isForm = /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '');
    const form = new URLSearchParams(isForm ? body : '');
    const flat = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value?.toString()]),
    );
    respond(
      response,
      await answer({ method, path: url.pathname, query: url.searchParams, headers: flat, form }),
    );
  }
}

function respond(response: ServerResponse, { status, headers, body }: LocalAnswer): void {
  if (response.headersSent) return;
  response.writeHead(status, {
    'cache-control': 'no-store',
    connection: 'close',
    'x-content-type-options': 'nosniff',
    // With no-referrer, browsers would not say where a form comes from.
    'referrer-policy': 'same-origin',
    ...headers,
  });
  response.end(body);
}
