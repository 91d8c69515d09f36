import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { HeldClock } from '../../../src/clock.ts';
import { EventStream } from '../../../src/web/dashboard/live-updates.ts';
import { openWebServer, webApp, type WebServer } from '../../../src/web/server.ts';

/** A server that streams events, on a held clock. */
class Streaming implements AsyncDisposable {
  readonly clock = new HeldClock('2026-08-22T10:00:00Z');
  readonly stream: EventStream;
  readonly #server: WebServer;
  readonly #sockets: Socket[] = [];

  static async open(maxReaders: number): Promise<Streaming> {
    const failed = (error: unknown): never => {
      throw error;
    };
    const app = webApp({ maxBody: 0, failed, errorsAreIn: 'the test' });
    const address = { kind: 'port', host: '127.0.0.1', port: 0 } as const;
    const streaming = new Streaming(maxReaders, await openWebServer(app, { address, failed }));
    app.get('/:version?', (c) =>
      streaming.stream.isFull ? c.text('', 503) : streaming.stream.open(c, c.req.param('version')),
    );
    return streaming;
  }

  private constructor(maxReaders: number, server: WebServer) {
    this.stream = new EventStream({ clock: this.clock, maxReaders });
    this.#server = server;
  }

  /** A reader, once the server has it. It reads nothing until it is told to. */
  async reader(version = ''): Promise<Reader> {
    const { port, host } = new URL(this.#server.shown);
    const socket = connect(Number(port), '127.0.0.1');
    this.#sockets.push(socket);
    const before = this.stream.readers;
    socket.pause();
    socket.write(`GET /${version} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const isThere = (): boolean => this.stream.readers > before || this.stream.isFull;
    while (!isThere()) await new Promise((resolve) => setImmediate(resolve));
    return new Reader(socket);
  }

  async [Symbol.asyncDispose]() {
    this.stream.close();
    for (const socket of this.#sockets) socket.destroy();
    await this.#server[Symbol.asyncDispose]();
  }
}

class Reader {
  readonly socket: Socket;
  text = '';

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8').on('error', () => undefined);
    socket.on('data', (text: string) => (this.text += text));
    socket.pause();
  }

  /** Reads on until something was said. */
  async until(pattern: RegExp): Promise<string> {
    this.socket.resume();
    while (!pattern.test(this.text)) await new Promise((resolve) => this.socket.once('data', resolve));
    return this.text;
  }

  /** The versions that it was told of. */
  get versions(): string[] {
    return Array.from(this.text.matchAll(/^event: changed\nid: (.*)\ndata:\n\n/gm), ([, id = '']) => id);
  }
}

describe('open pages', () => {
  it('are told of a version that they do not have', async () => {
    await using streaming = await Streaming.open(10);
    const old = await streaming.reader('one');
    const current = await streaming.reader('two');
    await streaming.stream.tell('two');
    assert.match(
      await old.until(/changed/),
      /content-type: text\/event-stream[^]*x-accel-buffering: no[^]*^retry: 2000$/im,
    );
    await streaming.stream.tell('three');
    await current.until(/three/);
    await old.until(/three/);
    assert.deepEqual([old.versions, current.versions], [['two', 'three'], ['three']]);
  });

  it('are told at once where they have not the newest version', async () => {
    await using streaming = await Streaming.open(10);
    await streaming.stream.tell('two');
    const late = await streaming.reader('one');
    await late.until(/two/);
    assert.deepEqual(late.versions, ['two']);
  });

  it('get the newest version once they read on, and no queue of what was before it', async () => {
    await using streaming = await Streaming.open(10);
    const reader = await streaming.reader();
    // More than the system takes for a connection that nobody reads.
    const long = 'x'.repeat(100_000);
    for (let n = 1; n <= 500; n++) await streaming.stream.tell(`${n}-${long}`);
    await reader.until(/^id: 500-x+\ndata:\n\n/m);
    assert.ok(reader.versions.length < 250, `${reader.versions.length} events were kept`);
  });

  it('are sent something now and then, so that nobody on the way takes the connection for dead', async () => {
    await using streaming = await Streaming.open(10);
    const reader = await streaming.reader();
    await reader.until(/retry/);
    await streaming.clock.runUntil(streaming.clock.now() + 15_000);
    await reader.until(/^:$/m);
  });

  it('are forgotten when they go', async () => {
    await using streaming = await Streaming.open(10);
    const reader = await streaming.reader();
    assert.equal(streaming.stream.readers, 1);
    reader.socket.destroy();
    const isGone = (): boolean => streaming.stream.readers === 0;
    while (!isGone()) await new Promise((resolve) => setImmediate(resolve));
    // No reader is there to be sent anything any more.
    await streaming.clock.runUntil(streaming.clock.now() + 15_000);
    assert.equal(streaming.clock.nextAlarm, undefined);
  });

  it('are let go after ten minutes, those that read nothing too', async () => {
    await using streaming = await Streaming.open(10);
    const reading = await streaming.reader();
    await reading.until(/retry/);
    await streaming.reader();
    const long = 'x'.repeat(100_000);
    for (let n = 1; n <= 200; n++) await streaming.stream.tell(`${n}-${long}`);
    await streaming.clock.runUntil(streaming.clock.now() + 585_000);
    assert.equal(streaming.stream.readers, 2);
    await streaming.clock.runUntil(streaming.clock.now() + 15_000);
    // The last chunk of the answer.
    await reading.until(/\r\n0\r\n\r\n$/);
    await streaming.clock.runUntil(streaming.clock.now() + 15_000);
    const isEmpty = (): boolean => streaming.stream.readers === 0;
    while (!isEmpty()) await new Promise((resolve) => setImmediate(resolve));
  });

  it('are no more than there is room for', async () => {
    await using streaming = await Streaming.open(2);
    await streaming.reader();
    await streaming.reader();
    await (await streaming.reader()).until(/503 Service Unavailable/);
    assert.equal(streaming.stream.readers, 2);
  });
});

describe('2,500 who read nothing', () => {
  let streaming: Streaming;
  before(async () => {
    streaming = await Streaming.open(2500);
    for (let n = 0; n < 2500; n++) await streaming.reader();
  });
  after(() => streaming[Symbol.asyncDispose]());

  it('leave room for a post between any fifty of them', async () => {
    let turns = 0;
    let isTelling = true;
    const count = (): void => {
      turns++;
      if (isTelling) setImmediate(count);
    };
    setImmediate(count);
    await streaming.stream.tell('one');
    isTelling = false;
    assert.ok(turns >= 49, `${turns} turns`);
  });

  it('cost no more memory, however much there is to tell', async () => {
    const used = (): number => {
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const version = (n: number): string => `${n}`.padStart(2000, '0');
    for (let n = 0; n < 5; n++) await streaming.stream.tell(version(n));
    const before = used();
    for (let n = 5; n < 45; n++) await streaming.stream.tell(version(n));
    const grown = used() - before;
    // One copy of what was told to each of them would be 200 megabytes.
    assert.ok(grown < 64 * 1024 * 1024, `${grown} bytes more`);
  });
});
