import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Clock } from '../clock.ts';
import { FlockError, messageOf, systemCode } from '../errors.ts';
import { readRegularFile, reasonOf, replaceFile, sweepTemporaries } from '../fs.ts';
import { parseJson } from '../text.ts';
import { newPost } from './feed.ts';
import { isKnownHost, json, type SandboxAnswer, type SandboxRequest } from './requests.ts';
import { Sandbox } from './sandbox.ts';
import { emptyState, type SandboxState, stateSchema, type World } from './world.ts';

/*
 * The sandbox on HTTP at 127.0.0.1: delivers its answers with their faults, and stores its state. It uses node:http alone,
 * because most faults damage an answer below the level of a web framework.
 */

/**
 * @returns `url`: without a trailing slash; `close`: closes all connections, stores the state and frees the port
 * @throws {FlockError} `unavailable` if the port cannot be had, and as {@link readState}
 */
export async function openSandbox({ port, stateFile, ...options }: OpenSandboxOptions) {
  const { clock } = options;
  const stored = stateFile === undefined ? {} : { state: await readState(stateFile) };
  const sandbox = new Sandbox({ ...options, ...stored });
  const server = createServer((request, response) => void serve(sandbox, clock, request, response));
  const keep = stateFile === undefined ? undefined : keepState(stateFile, clock, sandbox.world);
  return {
    url: await listen(server, port),
    sandbox,
    async close() {
      const closed = once(server.close(), 'close');
      server.closeAllConnections();
      await closed;
      await keep?.();
    },
  };
}

export interface OpenSandboxOptions extends Omit<ConstructorParameters<typeof Sandbox>[0], 'state'> {
  /** 0 selects any free port. */
  port: number;
  /** The file that keeps accounts, tokens and posts across restarts; none by default. */
  stateFile?: string;
}

export type OpenSandbox = Awaited<ReturnType<typeof openSandbox>>;

function deliver(answer: SandboxAnswer, response: ServerResponse, clock: Clock): void {
  const { status, headers, fault } = answer;
  const body = Buffer.from(answer.body);
  const begin = (more: object = { 'content-length': body.length }): ServerResponse =>
    response.writeHead(status, { ...headers, ...more });
  // No content-length, so that a client cannot tell from it that a part of the body is missing.
  const gzip = { 'content-encoding': 'gzip' };
  switch (fault?.kind) {
    case undefined:
      begin().end(body);
      return;
    case 'delay':
      later(clock, fault.ms, response, () => begin().end(body));
      return;
    case 'trickle':
      begin().flushHeaders();
      trickle(body, response, clock, fault.ms);
      return;
    case 'drop':
      response.destroy();
      return;
    case 'hang':
      return;
    case 'cut':
      begin().write(firstHalf(body), () => response.destroy());
      return;
    case 'gzip-cut':
      begin(gzip).end(firstHalf(gzipSync(body)));
      return;
    case 'gzip-corrupt':
      begin(gzip).end(body);
      return;
  }
}

const firstHalf = (body: Buffer): Buffer => body.subarray(0, Math.floor(body.length / 2));

function trickle(rest: Buffer, response: ServerResponse, clock: Clock, ms: number): void {
  if (rest.length > 0) {
    response.write(rest.subarray(0, 1));
    later(clock, ms, response, () => trickle(rest.subarray(1), response, clock, ms));
  } else response.end();
}

/** Calls `act` after `ms`, unless the client closes the connection before. */
function later(clock: Clock, ms: number, response: ServerResponse, act: () => void): void {
  const cancel = clock.at(clock.now() + ms, () => {
    response.off('close', cancel);
    act();
  });
  response.once('close', cancel);
}

/** Sends each new post to a page as a server-sent event, until the page is closed. */
function streamEvents(world: World, response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
  });
  response.write('retry: 2000\n\n');
  const stop = world.watch((event) => {
    if (event.kind === 'changed') return;
    const data = event.kind === 'posted' ? newPost(world, event.post) : { id: event.post.id };
    response.write(`event: ${event.kind}\ndata: ${JSON.stringify(data)}\n\n`);
  });
  response.once('close', stop);
}

/** The maximum size of a state file. Bytes. */
const maxStateSize = 512 * 1024 * 1024;

/**
 * Reads a state file. A missing file is an empty state.
 *
 * @throws {FlockError} `io` if the file cannot be read, `data` if it is damaged; the file stays as it is
 */
async function readState(file: string): Promise<SandboxState> {
  let text: string;
  try {
    text = (await readRegularFile(file, maxStateSize)).toString('utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return emptyState;
    throw new FlockError('io', `cannot read the sandbox's state ${file}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  const { data, error: cause } = stateSchema.safeParse(parseJson(text));
  if (data) return data;
  const [issue] = cause.issues;
  const place = issue?.path.join('.') ?? '';
  const why = place === '' ? 'it is not the JSON of a sandbox' : `${place}: ${issue?.message ?? ''}`;
  throw new FlockError('data', `the sandbox's state ${file} is damaged: ${why}`, {
    hint: 'move the file away to begin with an empty sandbox',
    cause,
  });
}

/** The delay between a change and its write, which collects further changes. Milliseconds. */
const saveDelay = 500;

/** Writes the state to its file after changes. @returns writes it a last time */
function keepState(file: string, clock: Clock, world: World): () => Promise<void> {
  let cancel: (() => void) | undefined;
  let writing = Promise.resolve();
  // One write at a time, so that an older state never replaces a newer one.
  const write = (): Promise<void> => {
    const replace = (): Promise<void> => writeState(file, world);
    writing = writing.then(replace, replace);
    return writing;
  };
  const stopWatching = world.watch(() => {
    cancel ??= clock.at(clock.now() + saveDelay, () => {
      cancel = undefined;
      // The last write reports a failure.
      write().catch(() => undefined);
    });
  });
  return () => {
    stopWatching();
    cancel?.();
    return write();
  };
}

/** The file holds secrets, so only its owner may read it. @throws {FlockError} `cannotCreate` */
async function writeState(file: string, world: World): Promise<void> {
  try {
    await sweepTemporaries(path.dirname(file), path.basename(file));
    await replaceFile(file, `${JSON.stringify(world.snapshot())}\n`);
  } catch (cause) {
    const message = `cannot write the sandbox's state ${file}: ${reasonOf(cause)}`;
    throw new FlockError('cannotCreate', message, { cause });
  }
}

/** The maximum size of a request body. Bytes. */
const maxBodySize = 1024 * 1024;

/** Listens on 127.0.0.1. @returns `http://127.0.0.1:PORT` @throws {FlockError} `unavailable` if the port cannot be had */
async function listen(server: Server, port: number): Promise<string> {
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch (cause) {
    const why = systemCode(cause) === 'EADDRINUSE' ? 'is in use' : `cannot be had: ${messageOf(cause)}`;
    const hint = 'choose another with --port N; 0 takes any that is free';
    throw new FlockError('unavailable', `port ${port} ${why}`, { hint, cause });
  }
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A request's body, or undefined if it is too long. It is read to its end even then, so that the client gets the answer. */
async function readBody(request: AsyncIterable<Buffer>): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length <= maxBodySize) parts.push(part);
  }
  return length <= maxBodySize ? Buffer.concat(parts).toString('utf8') : undefined;
}

async function serve(
  sandbox: Sandbox,
  clock: Clock,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let body: string | undefined;
  try {
    body = await readBody(request as AsyncIterable<Buffer>);
  } catch {
    // The client closed the connection before the end of the body.
    response.destroy();
    return;
  }
  const { method = 'GET', url = '/' } = request;
  const host = request.headers.host ?? '';
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  );
  if ((request.headersDistinct['host']?.length ?? 0) > 1)
    deliver(json(400, { detail: 'A request must have one Host header' }), response, clock);
  else if (body === undefined) deliver(json(413, { detail: 'Payload too large' }), response, clock);
  else if (method === 'GET' && url === '/sandbox/events' && isKnownHost(host))
    streamEvents(sandbox.world, response);
  else deliver(answerTo(sandbox, { method, url, host, headers, body }), response, clock);
}

/** Answers a bug of the sandbox with a 500, so that it does not look like an ordered connection fault. */
function answerTo(sandbox: Sandbox, request: SandboxRequest): SandboxAnswer {
  try {
    return sandbox.handle(request);
  } catch (error) {
    return json(500, { title: 'The sandbox itself failed', status: 500, detail: messageOf(error) });
  }
}
