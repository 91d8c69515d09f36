import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { DaemonCommand, Execute } from '../../src/daemon/control.ts';
import { receiveOrders } from '../../src/daemon/control.ts';
import { FlockError } from '../../src/errors.ts';
import { EventLog, type Logger } from '../../src/log.ts';
import type { PostReport } from '../../src/posting/commands.ts';
import { folderWatcher } from '../../src/watch.ts';
import { HeardLog } from '../alarms/heard-log.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { bundle } from '../support/bundle.ts';
import { runKilled } from '../support/killed-process.ts';

const report: PostReport = { state: 'posted', line: 3, of: 9, id: '77', at: 5 };
const post: DaemonCommand = { order: 'post', bot: 'howl' };

/** What there is of an order. */
const filesOf = (name: string, state: string): string[] =>
  readdirSync(path.join(state, 'orders')).filter((file) => file.includes(name));

/** Takes the orders of a state folder. */
const receive = (state: string, execute: Execute, log: Logger = new EventLog()): Promise<() => void> =>
  receiveOrders(state, execute, log, folderWatcher());

/** Sends a command as clients of older versions did. @returns the answer */
async function sendAsBefore(state: string, order: DaemonCommand): Promise<unknown> {
  const folder = path.join(state, 'orders');
  mkdirSync(folder, { recursive: true });
  const name = `${Date.now().toString(16).padStart(12, '0')}${randomBytes(6).toString('hex')}`;
  writeFileSync(path.join(folder, `.${name}`), JSON.stringify(order));
  renameSync(path.join(folder, `.${name}`), path.join(folder, `${name}.order`));
  const answer = path.join(folder, `${name}.answer`);
  while (!existsSync(answer)) await sleep(5);
  const given: unknown = JSON.parse(readFileSync(answer, 'utf8'));
  rmSync(answer);
  return given;
}

/** Answers that nobody has taken. */
const answersIn = (state: string): string[] => filesOf('.answer', state).sort();

/** A name as orders have that were given just now. */
const freshName = (end = 'a'): string => `${Date.now().toString(16).padStart(12, '0')}${end.repeat(12)}`;

const said = ({ lines }: HeardLog): string => lines.map(({ msg }) => msg).join('\n');

describe('an order of an older client', () => {
  it('reaches the daemon, and what it has led to comes back', async () => {
    const state = tempFolder();
    const taken: DaemonCommand[] = [];
    const stop = await receive(state, (order) => {
      taken.push(order);
      return Promise.resolve(order.order === 'post' ? { report } : undefined);
    });
    assert.deepEqual(await sendAsBefore(state, post), { done: true, report });
    assert.deepEqual(await sendAsBefore(state, { order: 'pause', bot: 'howl' }), { done: true });
    stop();
    assert.deepEqual(taken, [post, { order: 'pause', bot: 'howl' }]);
    assert.deepEqual(answersIn(state), []);
  });

  it('is carried out once the daemon runs, oldest first', async () => {
    const state = tempFolder({
      'orders/0002.order': JSON.stringify({ ...post, bot: 'bea' }),
      'orders/0001.order': JSON.stringify({ ...post, bot: 'ada' }),
    });
    const taken: string[] = [];
    const stop = await receive(state, (order) => {
      if ('bot' in order) taken.push(order.bot);
      return Promise.resolve(undefined);
    });
    await sendAsBefore(state, { order: 'reload' });
    stop();
    assert.deepEqual(taken, ['ada', 'bea']);
  });

  it('finds the daemon where there was no folder of orders when it began', async () => {
    const state = tempFolder();
    const stop = await receive(state, () => Promise.resolve({ report }));
    assert.equal(existsSync(path.join(state, 'orders')), false);
    assert.deepEqual(await sendAsBefore(state, post), { done: true, report });
    stop();
  });

  it('is refused with what the daemon has against it', async () => {
    const state = tempFolder();
    const stop = await receive(state, () =>
      Promise.reject(new FlockError('tryLater', 'howl has a post in doubt', { hint: 'wait' })),
    );
    assert.deepEqual(await sendAsBefore(state, post), {
      done: false,
      exit: 'tryLater',
      message: 'howl has a post in doubt',
      hint: 'wait',
    });
    stop();
  });

  it('that is none is answered, and stops no other', async () => {
    const state = tempFolder({ 'orders/0001.order': '{"order": "obey"}', 'orders/0002.order': 'nonsense' });
    const stop = await receive(state, () => Promise.resolve({ report }));
    assert.deepEqual(await sendAsBefore(state, post), { done: true, report });
    stop();
    assert.deepEqual(answersIn(state), ['0001.answer', '0002.answer']);
  });
});

const mayMount = spawnSync('unshare', ['--mount', 'true']).status === 0;

describe('an order whose answer cannot be written', () => {
  it('is carried out once', async () => {
    const state = tempFolder();
    const name = freshName();
    const heard = new HeardLog();
    const taken: string[] = [];
    const stop = await receive(
      state,
      (given) => {
        taken.push(given.order);
        return Promise.resolve(undefined);
      },
      heard.log,
    );
    // A folder is in its place.
    mkdirSync(path.join(state, 'orders', `${name}.answer`), { recursive: true });
    writeFileSync(path.join(state, 'orders', `${name}.order`), JSON.stringify(post));
    await heard.until('order-failed');
    // What fails to be written wakes the daemon; so does this, which it takes after it.
    await sendAsBefore(state, { order: 'reload' });
    stop();
    assert.deepEqual(taken, ['post', 'reload']);
    assert.match(said(heard), /^cannot answer an order in \S+: it is a folder$/);
    assert.deepEqual(filesOf(name, state), [`${name}.answer`]);
  });

  for (const [what, folder] of [
    ['the folder of the orders', 'orders'],
    ['the whole state folder', '.'],
  ] as const) {
    it(`because ${what} is full is carried out once`, { skip: !mayMount }, async () => {
      const state = tempFolder({ 'orders/none': '' });
      const mounted = path.join(state, folder);
      const fill = path.join(mounted, 'fill');
      assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', mounted]).status, 0);
      let stop = (): void => undefined;
      try {
        mkdirSync(path.join(state, 'orders'), { recursive: true });
        for (const bot of ['ada', 'bea'])
          writeFileSync(path.join(state, 'orders', `${bot}.order`), JSON.stringify({ ...post, bot }));
        assert.throws(() => {
          writeFileSync(fill, Buffer.alloc(16 * 1024));
        }, /ENOSPC/);
        const heard = new HeardLog();
        const taken: string[] = [];
        stop = await receive(
          state,
          (given) => {
            if ('bot' in given) taken.push(given.bot);
            return Promise.resolve({ report });
          },
          heard.log,
        );
        await heard.until('order-failed');
        rmSync(fill);
        await sendAsBefore(state, { order: 'reload' });
        assert.deepEqual(taken, ['ada', 'bea']);
        assert.match(said(heard), /^cannot answer an order in \S+: the disk is full$/);
        assert.deepEqual(filesOf('ada', state), []);
      } finally {
        stop();
        spawnSync('umount', ['-l', mounted]);
      }
    });
  }
});

describe('an order that cannot be taken', () => {
  it('is left as it is, and stops no other', async () => {
    const state = tempFolder({ 'orders/0001.order': JSON.stringify(post), 'orders/0001.taken/file': '' });
    const heard = new HeardLog();
    const taken: string[] = [];
    const stop = await receive(
      state,
      (given) => {
        taken.push(given.order);
        return Promise.resolve(undefined);
      },
      heard.log,
    );
    await sendAsBefore(state, { order: 'reload' });
    stop();
    assert.deepEqual(taken, ['reload']);
    assert.ok(/^cannot take an order in \S+: it is a folder$/m.test(said(heard)), said(heard));
    assert.ok(existsSync(path.join(state, 'orders/0001.order')), 'the order stays');
  });
});

describe('what the last daemon left of orders', () => {
  it('is answered where it was under way, and removed where nobody waits for it', async () => {
    const [name, answered] = [freshName(), freshName('b')];
    const state = tempFolder({
      [`orders/${name}.taken`]: JSON.stringify(post),
      [`orders/${answered}.taken`]: JSON.stringify(post),
      [`orders/${answered}.answer`]: '{"done": true}',
      'orders/000000000001cccccccccccc.answer': '{"done": true}',
      'orders/.0002.order.999999999-aaaaaaaaaaaa.tmp': 'half',
    });
    const heard = new HeardLog();
    const stop = await receive(state, () => Promise.resolve(undefined), heard.log);
    await sendAsBefore(state, { order: 'reload' });
    stop();
    for (const left of [name, answered]) assert.deepEqual(filesOf(left, state), [`${left}.answer`]);
    for (const removed of ['cccc', '.tmp']) assert.deepEqual(filesOf(removed, state), []);
    const text = (which: string): string =>
      readFileSync(path.join(state, 'orders', `${which}.answer`), 'utf8');
    assert.equal(text(answered), '{"done": true}');
    assert.match(text(name), /"done":false,"exit":"tryLater".*look at flockd status/);
    assert.match(said(heard), /^flockd ended while it carried an order out[^\n]*$/);
  });
});

describe('the folder of the orders', () => {
  it('is removed at a start that finds nothing in it', async () => {
    const state = tempFolder({ 'orders/000000000001cccccccccccc.answer': '{"done": true}' });
    (await receive(state, () => Promise.resolve(undefined)))();
    assert.equal(existsSync(path.join(state, 'orders')), false);
  });
});

describe('a daemon that is killed while it carries an order out', () => {
  let script: string;
  before(async () => {
    script = await bundle(path.join(import.meta.dirname, 'killed-orders.ts'));
  });

  it('never carries it out again, wherever it was', async () => {
    // A new name for each run: an answer that nobody has read for half a minute is removed.
    let name = '';
    const ordered = (): string => {
      name = freshName();
      return tempFolder({
        posts: '',
        [`orders/${name}.order`]: JSON.stringify(post),
        [`orders/${freshName('b')}.order`]: '{"order": "reload"}',
      });
    };
    const { calls } = runKilled(script, [ordered()]);
    const points = calls.slice(0, calls.lastIndexOf('rename'));
    assert.ok(points.includes('post'), calls.join());
    const seen = new Set<string>();
    for (const [index, point] of points.entries()) {
      for (const how of ['before', 'after']) {
        const state = ordered();
        assert.equal(runKilled(script, [state, `${how} ${index + 1}`]).signal, 'SIGKILL');
        const stop = await receive(state, ({ order }) => {
          if (order === 'post') writeFileSync(path.join(state, 'posts'), 'posted\n', { flag: 'a' });
          return Promise.resolve(undefined);
        });
        await sendAsBefore(state, { order: 'reload' });
        stop();
        const posts = readFileSync(path.join(state, 'posts'), 'utf8').split('\n').length - 1;
        const { done } = z
          .object({ done: z.boolean() })
          .parse(JSON.parse(readFileSync(path.join(state, 'orders', `${name}.answer`), 'utf8')));
        assert.ok(posts === 1 || (posts === 0 && !done), `${how} ${point}: ${posts} posts`);
        seen.add(`${posts} ${done ? 'done' : 'perhaps'}`);
        assert.deepEqual(filesOf(name, state), [`${name}.answer`]);
      }
    }
    assert.deepEqual([...seen].sort(), ['0 perhaps', '1 done', '1 perhaps']);
  });
});
