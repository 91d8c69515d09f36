import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { LiveView, type Screen } from '../../src/cli/live-view.ts';

const escape = '\u001b';

/** As much of a terminal as the view uses, of endless height: what stands on it, and each write. */
class FakeScreen implements Screen {
  columns = 40;
  rows = 10;
  readonly writes: string[] = [];
  #lines = [''];
  #row = 0;
  #resized: (() => void) | undefined;
  /** While it is set, nothing is taken. */
  #stalled: { go: () => void; gone: Promise<void> } | undefined;

  async write(text: string): Promise<void> {
    this.writes.push(text);
    await this.#stalled?.gone;
    // A sign that steers begins with the escape; the rest of a piece is text.
    // eslint-disable-next-line no-control-regex -- they are a terminal's signs
    for (const piece of text.split(/(?=\u{1b})|(?<=\u{1b}\[[?0-9]*[a-zA-Z])|(?=[\r\n])|(?<=[\r\n])/u))
      this.#take(piece);
  }

  onResize(resized: () => void): () => void {
    this.#resized = resized;
    return () => (this.#resized = undefined);
  }

  onStop(stops: () => Promise<void>, goesOn: () => void): () => void {
    this.stops = stops;
    this.goesOn = goesOn;
    return () => (this.stops = undefined);
  }

  /** Ctrl-Z, and `fg`. */
  stops: (() => Promise<void>) | undefined;
  goesOn: (() => void) | undefined;

  resize(columns: number): void {
    this.columns = columns;
    this.#resized?.();
  }

  get isWatched(): boolean {
    return this.#resized !== undefined || this.stops !== undefined;
  }

  stall(): void {
    let go: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => (go = resolve));
    this.#stalled = { go, gone };
  }

  async goOn(): Promise<void> {
    this.#stalled?.go();
    this.#stalled = undefined;
    await settled();
  }

  /** What stands on it. */
  get text(): string[] {
    return this.#lines.slice(0, -1);
  }

  #take(part: string): void {
    if (part.startsWith(`${escape}[`) && part.endsWith('A')) this.#row -= Number(part.slice(2, -1));
    else if (part === `${escape}[J`) this.#lines.splice(this.#row, Infinity, '');
    else if (part === '\n') this.#lines[++this.#row] ??= '';
    else if (!part.startsWith(escape) && part !== '\r')
      this.#lines[this.#row] = `${this.#lines[this.#row] ?? ''}${part}`;
  }
}

/** A frame that holds for a second. */
const frame = (...lines: string[]) => ({ lines, holds: 1000 });

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the live view', () => {
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
  });
  afterEach(() => {
    mock.timers.reset();
  });

  const pass = async (ms: number): Promise<void> => {
    mock.timers.tick(ms);
    await settled();
  };

  it('draws a frame again when it holds no more, over the one before', async () => {
    const screen = new FakeScreen();
    const view = new LiveView(screen);
    let count = 0;
    view.show(() => frame(`frame ${++count}`, 'bottom'));
    await settled();
    assert.deepEqual(screen.text, ['frame 1', 'bottom']);
    await pass(999);
    assert.equal(count, 1);
    await pass(1);
    assert.deepEqual(screen.text, ['frame 2', 'bottom']);
    assert.equal(screen.writes.length, 2);
  });

  it('draws nothing while a frame holds', async () => {
    const screen = new FakeScreen();
    const view = new LiveView(screen);
    let count = 0;
    view.show(() => ({ lines: [`frame ${++count}`], holds: Infinity }));
    await pass(3_600_000);
    assert.equal(count, 1);
    view.redraw();
    await settled();
    assert.deepEqual(screen.text, ['frame 2']);
  });

  it('lets the log go by above it', async () => {
    const screen = new FakeScreen();
    const view = new LiveView(screen);
    view.show(() => frame('frame'));
    await settled();
    view.log.write('one\n');
    view.log.write('two\n');
    await pass(50);
    assert.deepEqual(screen.text, ['one', 'two', 'frame']);
    view.log.write('three\n');
    await pass(50);
    assert.deepEqual(screen.text, ['one', 'two', 'three', 'frame']);
    assert.equal(screen.writes.length, 3);
  });

  it('shows each change at once, and wraps no line of the picture', async () => {
    const screen = new FakeScreen();
    const view = new LiveView(screen);
    view.show(() => frame('frame'));
    view.log.write('one\n');
    await pass(50);
    for (const text of screen.writes) {
      assert.ok(text.startsWith(`${escape}[?2026h`));
      assert.ok(text.endsWith(`${escape}[?7lframe\n${escape}[?7h${escape}[?2026l`));
    }
  });

  it('waits for no terminal: while it is stopped, what comes is kept, and then shown once', async () => {
    const screen = new FakeScreen();
    const view = new LiveView(screen);
    let count = 0;
    view.show(() => frame(`frame ${++count}`));
    await settled();
    screen.stall();
    for (let second = 0; second < 10; second++) {
      view.log.write(`line ${second}\n`);
      await pass(1000);
    }
    assert.equal(screen.writes.length, 2);
    await screen.goOn();
    await pass(1000);
    const lines = Array.from({ length: 10 }, (_, second) => `line ${second}`);
    assert.deepEqual(screen.text, [...lines, `frame ${count}`]);
  });

  it('keeps no more for it than is sane', async () => {
    const screen = new FakeScreen();
    const view = new LiveView(screen);
    screen.stall();
    for (let count = 0; count < 100; count++) {
      view.log.write(`${'x'.repeat(10_000)}\n`);
      await pass(100);
    }
    await screen.goOn();
    assert.ok(screen.writes.every((text) => text.length < 300_000));
  });

  it('is drawn again for a terminal that was resized, over lines that it has broken', async () => {
    const screen = new FakeScreen();
    const view = new LiveView(screen);
    view.show(({ columns }) => frame('='.repeat(columns)));
    await settled();
    screen.resize(15);
    await settled();
    assert.ok(screen.writes.at(-1)?.includes(`${escape}[3A`));
    assert.ok(screen.writes.at(-1)?.includes(`${'='.repeat(15)}\n`));
  });

  it('leaves the log alone at its end, all of it', async () => {
    const screen = new FakeScreen();
    const view = new LiveView(screen);
    view.show(() => frame('frame'));
    await settled();
    view.log.write('stops\n');
    await view[Symbol.asyncDispose]();
    assert.deepEqual(screen.text, ['stops']);
    assert.equal(screen.isWatched, false);
    view.log.write('has stopped\n');
    await pass(5000);
    assert.deepEqual(screen.text, ['stops', 'has stopped']);
  });

  it('breaks lines of the log between words', async () => {
    const screen = new FakeScreen();
    const view = new LiveView(screen);
    view.log.write(`${'word '.repeat(9)}end\nshort\n`);
    await pass(50);
    assert.deepEqual(screen.text, [Array(7).fill('word').join(' '), '  word word end', 'short']);
  });

  it('is gone while the program is stopped, and drawn below what was written meanwhile', async () => {
    const screen = new FakeScreen();
    const view = new LiveView(screen);
    view.show(() => frame('frame'));
    await settled();
    await screen.stops?.();
    assert.deepEqual(screen.text, []);
    await pass(5000);
    assert.deepEqual(screen.text, []);
    await screen.write('$ fg\n');
    screen.goesOn?.();
    await settled();
    assert.deepEqual(screen.text, ['$ fg', 'frame']);
  });

  it('draws a frame that is slow to draw less often', async () => {
    const screen = new FakeScreen();
    const view = new LiveView(screen);
    let count = 0;
    view.show(() => {
      const until = performance.now() + 100;
      while (performance.now() < until);
      return frame(`frame ${++count}`);
    });
    await pass(1999);
    assert.equal(count, 1);
    await view[Symbol.asyncDispose]();
  });
});
