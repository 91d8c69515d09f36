import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type * as z from 'zod';
import type { Clock } from '../clock.ts';
import { FlockError, messageOf, systemCode } from '../errors.ts';
import { readRegularFile, reasonOf, replaceFile, sweepTemporaries } from '../fs.ts';
import { isKnownHost } from './core.ts';
import { cardOf } from './pages.ts';
import { json, parseJson, type SandboxAnswer, type SandboxRequest } from './problems.ts';
import { Sandbox, type SandboxOptions } from './sandbox.ts';
import { emptyState, type SandboxState, stateSchema, type World } from './world.ts';

/** Serves a sandbox over HTTP on 127.0.0.1, delivers its faults, and stores its state. */
export async function openSandbox({ port, stateFile, ...options }: OpenSandboxOptions): Promise<OpenSandbox> {
  const { clock } = options;
  const stored = stateFile === undefined ? {} : { state: await readState(stateFile) };
  const sandbox = new Sandbox({ ...options, ...stored });
  const server = createServer((request, response) => {
    void serve(sandbox, clock, request, response);
  });
  const keeper =
    stateFile === undefined ? undefined : new StateKeeper(stateFile, clock, () => sandbox.world.snapshot());
  const stopWatching = sandbox.world.watch(() => keeper?.touch());
  const url = await listen(server, port);
  return {
    url,
    sandbox,
    async close() {
      await closeServer(server);
      stopWatching();
      await keeper?.close();
    },
  };
}

export interface OpenSandboxOptions extends Omit<SandboxOptions, 'state'> {
  /** 0 selects any free port. */
  port: number;
  /** The file that keeps accounts, tokens and posts across restarts; none by default. */
  stateFile?: string;
}

export interface OpenSandbox {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  url: string;
  sandbox: Sandbox;
  /** Closes all connections, stores the state and frees the port. */
  close(): Promise<void>;
}

/** Sends an answer, with the fault that it asks for. */
function deliver(answer: SandboxAnswer, response: ServerResponse, clock: Clock): void {
  const { fault } = answer;
  switch (fault?.kind) {
    case undefined:
      sendWhole(answer, response);
      return;
    case 'delay':
      later(clock, fault.ms, response, () => {
        sendWhole(answer, response);
      });
      return;
    case 'trickle':
      trickle(answer, response, clock, fault.ms);
      return;
    case 'drop':
      response.destroy();
      return;
    case 'hang':
      return;
    case 'cut':
      begin(answer, response, Buffer.byteLength(answer.body));
      response.write(firstHalf(Buffer.from(answer.body)), () => response.destroy());
      return;
    case 'gzip-cut':
      beginGzip(answer, response);
      response.end(firstHalf(gzipSync(answer.body)));
      return;
    case 'gzip-corrupt':
      beginGzip(answer, response);
      response.end(answer.body);
      return;
  }
}

function sendWhole(answer: SandboxAnswer, response: ServerResponse): void {
  begin(answer, response, Buffer.byteLength(answer.body));
  response.end(answer.body);
}

function begin({ status, headers }: SandboxAnswer, response: ServerResponse, length: number): void {
  response.writeHead(status, { ...headers, 'content-length': length });
}

/** Sends no content-length, so that a client cannot tell from it that a part of the body is missing. */
function beginGzip({ status, headers }: SandboxAnswer, response: ServerResponse): void {
  response.writeHead(status, { ...headers, 'content-encoding': 'gzip' });
}

const firstHalf = (body: Buffer): Buffer => body.subarray(0, Math.floor(body.length / 2));

function trickle(answer: SandboxAnswer, response: ServerResponse, clock: Clock, ms: number): void {
  const body = Buffer.from(answer.body);
  begin(answer, response, body.length);
  response.flushHeaders();
  const drip = (n: number): void => {
    if (n >= body.length) {
      response.end();
      return;
    }
    response.write(body.subarray(n, n + 1));
    later(clock, ms, response, () => {
      drip(n + 1);
    });
  };
  drip(0);
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
    const data = event.kind === 'posted' ? cardOf(world, event.post) : { id: event.post.id };
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
    if (systemCode(error) === 'ENOENT') return emptyState();
    throw new FlockError('io', `cannot read the sandbox's state ${file}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  const state = stateSchema.safeParse(parseJson(text));
  if (state.success) return state.data;
  throw new FlockError('data', `the sandbox's state ${file} is damaged: ${firstIssue(state.error)}`, {
    hint: 'move the file away to begin with an empty sandbox',
    cause: state.error,
  });
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (!issue || issue.path.length === 0) return 'it is not the JSON of a sandbox';
  return `${issue.path.join('.')}: ${issue.message}`;
}

/** Replaces the state file. It holds secrets, so only its owner may read it. */
async function writeState(file: string, state: SandboxState): Promise<void> {
  try {
    await sweepTemporaries(path.dirname(file), path.basename(file));
    await replaceFile(file, `${JSON.stringify(state)}\n`);
  } catch (error) {
    const message = `cannot write the sandbox's state ${file}: ${reasonOf(error)}`;
    throw new FlockError('cannotCreate', message, { cause: error });
  }
}

/** The delay between a change and its write, which collects further changes. Milliseconds. */
const saveDelay = 500;

/** Writes the state to its file after changes. */
class StateKeeper {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #read: () => SandboxState;
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** @param read returns the current state */
  constructor(file: string, clock: Clock, read: () => SandboxState) {
    this.#file = file;
    this.#clock = clock;
    this.#read = read;
  }

  /** Schedules a write. */
  touch(): void {
    this.#cancel ??= this.#clock.at(this.#clock.now() + saveDelay, () => {
      this.#cancel = undefined;
      // close() writes again and reports a failure.
      this.#write().catch(() => undefined);
    });
  }

  /** Writes the state a last time. */
  async close(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    await this.#write();
  }

  /** Runs one write at a time, so that an older state never replaces a newer one. */
  #write(): Promise<void> {
    const write = (): Promise<void> => writeState(this.#file, this.#read());
    this.#writing = this.#writing.then(write, write);
    return this.#writing;
  }
}

/** The maximum size of a request body. Bytes. */
const maxBodySize = 1024 * 1024;

/** Listens on 127.0.0.1. @returns `http://127.0.0.1:PORT` @throws {FlockError} `unavailable` where the port cannot be had */
function listen(server: Server, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const why = systemCode(cause) === 'EADDRINUSE' ? 'is in use' : `cannot be had: ${messageOf(cause)}`;
      const hint = 'choose another with --port N; 0 takes any that is free';
      reject(new FlockError('unavailable', `port ${port} ${why}`, { hint, cause }));
    });
    server.listen(port, '127.0.0.1', () => {
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
  });
}

/** A request's body, or undefined where it is too long; it is read to its end all the same. */
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
  if ((request.headersDistinct['host']?.length ?? 0) > 1)
    deliver(json(400, { detail: 'A request must have one Host header' }), response, clock);
  else if (body === undefined) deliver(json(413, { detail: 'Payload too large' }), response, clock);
  else if (method === 'GET' && url === '/sandbox/events' && isKnownHost(host))
    streamEvents(sandbox.world, response);
  else deliver(answerTo(sandbox, { method, url, host, headers: flatten(request), body }), response, clock);
}

/** Answers a bug of the sandbox with a 500, so that it does not look like an ordered connection fault. */
function answerTo(sandbox: Sandbox, request: SandboxRequest): SandboxAnswer {
  try {
    return sandbox.handle(request);
  } catch (error) {
    return json(500, { title: 'The sandbox itself failed', status: 500, detail: messageOf(error) });
  }
}

function flatten({ headers }: IncomingMessage): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
