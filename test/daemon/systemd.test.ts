import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, open, openSync } from 'node:fs';
import path from 'node:path';
import { describe, it, mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { watchdog } from '../../src/daemon/systemd.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { HeldFlock } from '../support/held-flock.ts';

const every = 3000;

describe('the watchdog', () => {
  it('says that all is well while the scheduler gets on, and no more when it does not', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    try {
      let said = 0;
      let progressing = true;
      let heard = (): void => undefined;
      const next = (): Promise<void> => new Promise((resolve) => (heard = resolve));
      const first = next();
      const stop = watchdog({
        every,
        folder: '/',
        isProgressing: () => progressing,
        alive: () => {
          said++;
          heard();
        },
      });
      await first;
      const second = next();
      mock.timers.tick(every);
      await second;
      assert.equal(said, 2);
      progressing = false;
      mock.timers.tick(10 * every);
      progressing = true;
      const third = next();
      mock.timers.tick(every);
      await third;
      assert.equal(said, 3, 'nothing was said meanwhile');
      stop();
    } finally {
      mock.timers.reset();
    }
  });

  it('does not say so while every thread that reads files is held up', async () => {
    const folder = tempFolder();
    const fifos = Array.from({ length: 4 }, (_, n) => path.join(folder, `fifo${n}`));
    execFileSync('mkfifo', fifos);
    const held = fifos.map(
      (fifo) =>
        new Promise<void>((resolve, reject) => {
          open(fifo, 'r', (error, fd) => {
            if (error) reject(error);
            else {
              closeSync(fd);
              resolve();
            }
          });
        }),
    );
    let said = 0;
    const alive = new Promise<void>((resolve) => {
      const stop = watchdog({
        every: 30,
        folder,
        isProgressing: () => true,
        alive: () => {
          said++;
          stop();
          resolve();
        },
      });
    });
    for (let n = 0; n < 1000; n++) await turn();
    assert.equal(said, 0);
    // Somebody writes, and the threads are free again.
    for (const fifo of fifos) closeSync(openSync(fifo, constants.O_RDWR));
    await Promise.all(held);
    await alive;
    assert.equal(said, 1);
  });
});

describe('what is overdue', () => {
  it('is nothing in a flock that posts, and a step that does not end', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', { schedule: '* * * * *', atEnd: 'stop' });
    flock.add('howl', ['one', 'two', 'three', 'four']);
    flock.start();
    await flock.until('2026-05-01T00:02:30Z');
    assert.equal(flock.daemon.overdue(), 0);

    flock.stick();
    await flock.until('2026-05-01T00:03:30Z');
    assert.equal(flock.daemon.overdue(), 0, 'a step may take a minute');
    await flock.until('2026-05-01T00:04:30Z');
    assert.equal(flock.daemon.overdue(), 30_000);
    flock.unstick();
    await flock.until('2026-05-01T00:06:00Z');
    assert.equal(flock.daemon.overdue(), 0);
    assert.deepEqual(flock.postsOf('howl'), ['one', 'two', 'three', 'four']);
  });
});
