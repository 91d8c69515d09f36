import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Reloads } from '../../src/cli/flockd/run.ts';

/** Readings that end when they are told to. */
class Readings {
  readonly begun: boolean[] = [];
  readonly #ends: { resolve: () => void; reject: (cause: Error) => void }[] = [];

  readonly read = (mayBeEmpty: boolean): Promise<void> => {
    this.begun.push(mayBeEmpty);
    return new Promise((resolve, reject) => this.#ends.push({ resolve, reject }));
  };

  async end(cause?: Error): Promise<void> {
    const end = this.#ends.shift();
    if (cause) end?.reject(cause);
    else end?.resolve();
    await turn();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('readings of the flock', () => {
  it('come one after the other, and whoever asks meanwhile shares the next', async () => {
    const reloads = new Reloads();
    const readings = new Readings();
    reloads.begin(readings.read);
    const first = reloads.ask({ mayBeEmpty: false });
    await turn();
    const second = reloads.ask({ mayBeEmpty: false });
    assert.equal(reloads.ask({ mayBeEmpty: false }), second);
    assert.notEqual(second, first);
    reloads.quietly();
    await turn();
    assert.deepEqual(readings.begun, [false]);
    await readings.end();
    await first;
    assert.deepEqual(readings.begun, [false, false]);
    await readings.end();
    await second;
    assert.deepEqual(readings.begun, [false, false, true]);
  });

  it('that are asked for before the first wait for it', async () => {
    const reloads = new Reloads();
    const readings = new Readings();
    reloads.quietly();
    await turn();
    reloads.begin(readings.read);
    await turn();
    assert.deepEqual(readings.begun, [true]);
  });

  it('that fail tell whoever asked, and nobody else', async () => {
    const reloads = new Reloads();
    const readings = new Readings();
    reloads.begin(readings.read);
    const refused = assert.rejects(reloads.ask({ mayBeEmpty: false }), /no bots/);
    reloads.quietly();
    await turn();
    await readings.end(new Error('no bots'));
    await refused;
    await readings.end(new Error('no bots'));
    const third = reloads.ask({ mayBeEmpty: false });
    await turn();
    await readings.end();
    await third;
  });

  it('end with the daemon', async () => {
    const reloads = new Reloads();
    const readings = new Readings();
    reloads.begin(readings.read);
    reloads.end();
    await reloads.ask({ mayBeEmpty: false });
    assert.deepEqual(readings.begun, []);
  });
});
