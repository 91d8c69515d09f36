import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type * as z from 'zod';
import type { Clock } from '../clock.ts';
import { FlockError, messageOf, systemCode } from '../errors.ts';
import { readRegularFile, reasonOf, replaceFile, sweepTemporaries } from '../fs.ts';
import { isKnownHost } from './core.ts';
import { cardOf } from './feed.ts';
import { json, type SandboxAnswer, type SandboxRequest } from './problems.ts';
import { Sandbox, type SandboxOptions } from './sandbox.ts';
import { emptyState, type SandboxState, stateSchema, type World } from './world.ts';

/** Sends an answer, whole or spoiled as its fault says. */
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

/** Without a length the body ends where the server says so, and a client cannot see that some is missing. */
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

/** Acts when the time has come, unless the client has gone by then. */
function later(clock: Clock, ms: number, response: ServerResponse, act: () => void): void {
  const gone = clock.at(clock.now() + ms, () => {
    response.off('close', gone);
    act();
  });
  response.once('close', gone);
}

/** Sends every post to a page as it is accepted, as server-sent events, until the page is closed. */
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

/** The most a state file may hold. Bytes. */
const maxState = 512 * 1024 * 1024;

/** Reads a stored sandbox; a file that is not there is an empty one, a damaged one is left as it is. */
async function readState(file: string): Promise<SandboxState> {
  let text: string;
  try {
    text = (await readRegularFile(file, maxState)).toString('utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return emptyState();
    throw new FlockError('io', `cannot read the sandbox's state ${file}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  const state = stateSchema.safeParse(parse(text));
  if (state.success) return state.data;
  throw new FlockError('data', `the sandbox's state ${file} is damaged: ${firstIssue(state.error)}`, {
    hint: 'move the file away to begin with an empty sandbox',
    cause: state.error,
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (!issue || issue.path.length === 0) return 'it is not the JSON of a sandbox';
  return `${issue.path.join('.')}: ${issue.message}`;
}

/** The state holds secrets, so the file is its owner's alone. */
async function writeState(file: string, state: SandboxState): Promise<void> {
  try {
    await sweepTemporaries(path.dirname(file), path.basename(file));
    await replaceFile(file, `${JSON.stringify(state)}\n`);
  } catch (error) {
    const message = `cannot write the sandbox's state ${file}: ${reasonOf(error)}`;
    throw new FlockError('cannotCreate', message, { cause: error });
  }
}

/** How long changes are gathered before they are written. Milliseconds. */
const saveDelay = 500;

/** Keeps a state file up to date with a world that changes. */
class StateKeeper {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #read: () => SandboxState;
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** @param read gives the state as it is at the time of writing */
  constructor(file: string, clock: Clock, read: () => SandboxState) {
    this.#file = file;
    this.#clock = clock;
    this.#read = read;
  }

  /** Says that something changed; it is written soon. */
  touch(): void {
    this.#cancel ??= this.#clock.at(this.#clock.now() + saveDelay, () => {
      this.#cancel = undefined;
      // A failure is reported by close(), which writes once more.
      this.#write().catch(() => undefined);
    });
  }

  /** Writes the state a last time and resolves when it is stored. */
  async close(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    await this.#write();
  }

  /** One write at a time, so that an older state never lands on a newer one. */
  #write(): Promise<void> {
    const write = (): Promise<void> => writeState(this.#file, this.#read());
    this.#writing = this.#writing.then(write, write);
    return this.#writing;
  }
}

export interface OpenSandboxOptions extends Omit<SandboxOptions, 'state'> {
  /** 0 takes any free port. */
  port: number;
  /** Where accounts, tokens and posts outlive a restart; nowhere by default. */
  stateFile?: string;
}

export interface OpenSandbox {
  /** `http://127.0.0.1:PORT`, without a slash at its end. */
  url: string;
  sandbox: Sandbox;
  /** Breaks off what is under way, stores the state and frees the port. */
  close(): Promise<void>;
}

/** The longest body that is read. Bytes. */
const maxBody = 1024 * 1024;

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
    if (length <= maxBody) parts.push(part);
  }
  return length <= maxBody ? Buffer.concat(parts).toString('utf8') : undefined;
}

/** Opens a sandbox to programs on this machine. */
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
    // The client broke off while it sent: nobody is left to be answered.
    response.destroy();
    return;
  }
  const { method = 'GET', url = '/' } = request;
  const host = request.headers.host ?? '';
  if ((request.headersDistinct['host']?.length ?? 0) > 1)
    deliver(json(400, { detail: 'A request has one Host' }), response, clock);
  else if (body === undefined) deliver(json(413, { detail: 'Payload too large' }), response, clock);
  else if (method === 'GET' && url === '/sandbox/events' && isKnownHost(host))
    streamEvents(sandbox.world, response);
  else deliver(answerTo(sandbox, { method, url, host, headers: flatten(request), body }), response, clock);
}

/** A mistake of the sandbox itself is told as a 500, not as one more broken connection. */
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
