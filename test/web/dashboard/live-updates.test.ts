import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { HeldClock } from '../../../src/clock.ts';
import { EventStream } from '../../../src/web/dashboard/live-updates.ts';
import { RegionStore } from '../../../src/web/dashboard/regions.ts';
import { html } from '../../../src/web/html.ts';

/** A server that streams what a store knows, on a held clock. */
class Streaming implements AsyncDisposable {
  readonly clock = new HeldClock('2026-08-22T10:00:00Z');
  readonly store = new RegionStore('life');
  readonly stream: EventStream;
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  #opened: (() => void)[] = [];

  static async open(mostReaders: number): Promise<Streaming> {
    const streaming = new Streaming(mostReaders);
    await new Promise<void>((resolve) => streaming.#server.listen(0, '127.0.0.1', resolve));
    return streaming;
  }

  private constructor(mostReaders: number) {
    this.stream = new EventStream({ clock: this.clock, store: this.store, mostReaders });
    this.#server = createServer((request, response) => {
      if (this.stream.isFull) response.writeHead(503).end();
      else this.stream.open(response, this.store.numberOf(request.url?.slice(1)));
      for (const opened of this.#opened) opened();
    });
  }

  /** The page as it is now. */
  show(text: string): Promise<void> {
    this.store.take({ single: [{ id: 'x', html: html`<p id="x">${text}</p>` }], lists: [] });
    return this.stream.tell();
  }

  /** A reader, once the server has it. It reads nothing until it is told to. */
  async reader(version = ''): Promise<Reader> {
    const { port } = this.#server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    this.#sockets.push(socket);
    const known = new Promise<void>((resolve) => this.#opened.push(resolve));
    socket.pause();
    socket.write(`GET /${version} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await known;
    this.#opened = [];
    return new Reader(socket);
  }

  async [Symbol.asyncDispose]() {
    this.stream.close();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const mostKept = 1024 * 1024;

class Reader {
  readonly socket: Socket;
  text = '';
  readonly closed: Promise<void>;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8').on('error', () => undefined);
    this.closed = new Promise((resolve) =>
      socket.once('close', () => {
        resolve();
      }),
    );
    socket.on('data', (text: string) => {
      // What nobody looks at need not be kept.
      if (this.text.length < mostKept) this.text += text;
    });
    socket.pause();
  }

  /** Reads on until something was said. */
  async until(pattern: RegExp): Promise<string> {
    this.socket.resume();
    while (!pattern.test(this.text)) await new Promise((resolve) => this.socket.once('data', resolve));
    return this.text;
  }

  get events(): string[] {
    return this.text.match(/^id: .*$/gm) ?? [];
  }
}

const large = (n: number): string => `${n} ${'x'.repeat(100_000)}`;

describe('those who look at the page', () => {
  it('are told what they have missed, then what changes', async () => {
    await using streaming = await Streaming.open(10);
    await streaming.show('one');
    const newcomer = await streaming.reader();
    const regular = await streaming.reader('life-1');
    assert.match(await newcomer.until(/one/), /text\/event-stream[\s\S]*^retry: 2000$[\s\S]*^id: life-1$/m);
    await streaming.show('two');
    await newcomer.until(/two/);
    assert.doesNotMatch(await regular.until(/two/), /one/);
    assert.deepEqual(regular.events, ['id: life-2']);
  });

  it('get the newest state once they read on, and nothing that was before it', async () => {
    await using streaming = await Streaming.open(10);
    const reader = await streaming.reader();
    // More than the system takes for somebody who reads nothing would come, if each were queued.
    for (let n = 1; n <= 500; n++) await streaming.show(large(n));
    await reader.until(/"<p id=\\"x\\">500 |0\r\n\r\n$/);
    const again = await streaming.reader(reader.events.at(-1)?.replace('id: ', ''));
    if (!reader.text.includes('500 ')) await again.until(/"<p id=\\"x\\">500 /);
    assert.ok(reader.events.length + again.events.length < 100, `${reader.events.length} events were kept`);
  });

  it('begin a new connection before one has carried much', async () => {
    await using streaming = await Streaming.open(10);
    const reader = await streaming.reader();
    reader.socket.resume();
    for (let n = 1; !reader.text.endsWith('0\r\n\r\n'); n++) {
      await streaming.show(large(n));
      await reader.until(new RegExp(`">${n} x+|\\r\\n0\\r\\n\\r\\n$`));
    }
    assert.ok(reader.text.length > 256 * 1024 && reader.text.length < 500_000, `${reader.text.length} bytes`);
    assert.equal(streaming.stream.readers, 0);
  });

  it('are spoken to now and then, so that nobody on the way takes the connection for dead', async () => {
    await using streaming = await Streaming.open(10);
    await streaming.show('one');
    const reader = await streaming.reader('life-1');
    await streaming.clock.runUntil(streaming.clock.now() + 15_000);
    await reader.until(/^:$/m);
  });

  it('are let go when they have read nothing for a minute', async () => {
    await using streaming = await Streaming.open(10);
    const [stuck, quick] = [await streaming.reader(), await streaming.reader()];
    // So much at once that no system takes it all for one who does not read.
    const much = 32 * 1024 * 1024;
    const read = new Promise<void>((resolve) => {
      let bytes = 0;
      quick.socket.on('data', ({ length }: string) => {
        bytes += length;
        if (bytes > much) resolve();
      });
    });
    quick.socket.resume();
    await streaming.show('x'.repeat(much));
    await read;
    await streaming.clock.runUntil(streaming.clock.now() + 59_000);
    assert.equal(streaming.stream.readers, 2);
    await streaming.clock.runUntil(streaming.clock.now() + 16_000);
    stuck.socket.resume();
    await stuck.closed;
    assert.equal(streaming.stream.readers, 1);
  });

  it('are forgotten when they go', async () => {
    await using streaming = await Streaming.open(10);
    const reader = await streaming.reader();
    assert.equal(streaming.stream.readers, 1);
    reader.socket.destroy();
    const isGone = (): boolean => streaming.stream.readers === 0;
    while (!isGone()) await new Promise((resolve) => setImmediate(resolve));
    // Nobody is there to be looked after any more.
    await streaming.clock.runUntil(streaming.clock.now() + 15_000);
    assert.equal(streaming.clock.nextAlarm, undefined);
  });

  it('are no more than there is room for', async () => {
    await using streaming = await Streaming.open(2);
    await streaming.reader();
    await streaming.reader();
    await (await streaming.reader()).until(/503 Service Unavailable/);
    assert.equal(streaming.stream.readers, 2);
  });
});

describe('a thousand who read nothing', () => {
  let streaming: Streaming;
  before(async () => {
    streaming = await Streaming.open(1000);
    for (let n = 0; n < 1000; n++) await streaming.reader();
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
    await streaming.show('one');
    isTelling = false;
    assert.ok(turns >= 19, `${turns} turns`);
  });

  it('cost no more memory, however much there is to tell', async () => {
    const used = (): number => {
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    for (let n = 0; n < 20; n++) await streaming.show(large(n));
    const before = used();
    for (let n = 0; n < 200; n++) await streaming.show(large(n));
    const grown = used() - before;
    // One copy of what was told to each of them would be twenty gigabytes.
    assert.ok(grown < 64 * 1024 * 1024, `${grown} bytes more`);
  });
});
