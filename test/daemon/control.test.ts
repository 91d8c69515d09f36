import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { z } from 'zod';
import { type DaemonCommand, sendCommand, receiveCommands } from '../../src/daemon/control.ts';
import { FlockError } from '../../src/errors.ts';
import type { PostReport } from '../../src/posting/commands.ts';
import { HeardLog } from '../alarms/heard-log.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { bundle } from '../support/bundle.ts';

const report: PostReport = { state: 'posted', line: 3, of: 9, id: '77', at: 5 };
const post: DaemonCommand = { order: 'post', bot: 'howl' };

/** What there is of an order. */
const filesOf = (name: string, state: string): string[] =>
  readdirSync(path.join(state, 'orders')).filter((file) => file.includes(name));

interface WatchedFolder extends AsyncDisposable {
  until: (name: RegExp) => Promise<void>;
}

/** Tells when a file of some name comes into a folder. */
function watchFolder(folder: string): WatchedFolder {
  const watcher = watch(folder);
  return {
    until: (name) =>
      new Promise((resolve) => {
        watcher.on('change', (_, file) => {
          if (name.test(String(file))) resolve();
        });
      }),
    [Symbol.asyncDispose]: () => {
      watcher.close();
      return Promise.resolve();
    },
  };
}

/** Answers that nobody has taken. */
const answersIn = (state: string): string[] => filesOf('.answer', state).sort();

/** A name as orders have that were given just now. */
const freshName = (end = 'a'): string => `${Date.now().toString(16).padStart(12, '0')}${end.repeat(12)}`;

const said = ({ lines }: HeardLog): string => lines.map(({ msg }) => msg).join('\n');

describe('an order', () => {
  it('reaches the daemon, and what it has led to comes back', async () => {
    const state = tempFolder();
    const taken: DaemonCommand[] = [];
    const stop = await receiveCommands(state, (order) => {
      taken.push(order);
      return Promise.resolve(order.order === 'post' ? report : undefined);
    });
    assert.deepEqual(await sendCommand(state, post), report);
    assert.equal(await sendCommand(state, { order: 'pause', bot: 'howl' }), undefined);
    stop();
    assert.deepEqual(taken, [post, { order: 'pause', bot: 'howl' }]);
    assert.deepEqual(answersIn(state), []);
  });

  it('is carried out once the daemon runs, in the order in which they came', async () => {
    const state = tempFolder();
    const given = ['ada', 'bea', 'cid'].map((bot) => sendCommand(state, { order: 'pause', bot }));
    const taken: string[] = [];
    const stop = await receiveCommands(state, (order) => {
      if ('bot' in order) taken.push(order.bot);
      return Promise.resolve(undefined);
    });
    await Promise.all(given);
    stop();
    assert.deepEqual(taken.sort(), ['ada', 'bea', 'cid']);
  });

  it('that nobody takes is taken back, and then nothing was done', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const state = tempFolder();
    mkdirSync(path.join(state, 'orders'));
    await using watched = watchFolder(path.join(state, 'orders'));
    const given = sendCommand(state, post);
    await watched.until(/^[^.].*\.order$/);
    context.mock.timers.tick(30_000);
    await assert.rejects(given, /flockd runs but does not answer: nothing was done/);
    assert.deepEqual(filesOf('.order', state), []);
  });

  it('is refused with what the daemon has against it', async () => {
    const state = tempFolder();
    const stop = await receiveCommands(state, () =>
      Promise.reject(new FlockError('tryLater', 'howl has a post in doubt', { hint: 'wait' })),
    );
    await assert.rejects(sendCommand(state, post), (error) => {
      assert.ok(error instanceof FlockError);
      assert.deepEqual(
        [error.exit, error.message, error.hint],
        ['tryLater', 'howl has a post in doubt', 'wait'],
      );
      return true;
    });
    stop();
  });

  it('that is none is answered, and stops no other', async () => {
    const state = tempFolder({ 'orders/0001.order': '{"order": "obey"}', 'orders/0002.order': 'nonsense' });
    const stop = await receiveCommands(state, () => Promise.resolve(report));
    assert.deepEqual(await sendCommand(state, post), report);
    stop();
    assert.deepEqual(answersIn(state), ['0001.answer', '0002.answer']);
  });

  it('that cannot be written says so', async () => {
    const state = tempFolder();
    writeFileSync(path.join(state, 'orders'), '');
    await assert.rejects(
      sendCommand(state, post),
      (error) =>
        error instanceof FlockError && error.exit === 'io' && error.message.includes('cannot tell flockd'),
    );
  });
});

const mayMount = spawnSync('unshare', ['--mount', 'true']).status === 0;

describe('an order whose answer cannot be written', () => {
  it('is carried out once', async () => {
    const state = tempFolder();
    const name = freshName();
    const heard = new HeardLog();
    const taken: string[] = [];
    const stop = await receiveCommands(
      state,
      (given) => {
        taken.push(given.order);
        return Promise.resolve(undefined);
      },
      heard.log,
    );
    // A folder is in its place.
    mkdirSync(path.join(state, 'orders', `${name}.answer`));
    writeFileSync(path.join(state, 'orders', `${name}.order`), JSON.stringify(post));
    await heard.until('order-failed');
    // What fails to be written wakes the daemon; so does this, which it takes after it.
    await sendCommand(state, { order: 'reload' });
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
        stop = await receiveCommands(
          state,
          (given) => {
            if ('bot' in given) taken.push(given.bot);
            return Promise.resolve(report);
          },
          heard.log,
        );
        await heard.until('order-failed');
        rmSync(fill);
        await sendCommand(state, { order: 'reload' });
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
    const stop = await receiveCommands(
      state,
      (given) => {
        taken.push(given.order);
        return Promise.resolve(undefined);
      },
      heard.log,
    );
    await sendCommand(state, { order: 'reload' });
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
    const stop = await receiveCommands(state, () => Promise.resolve(undefined), heard.log);
    await sendCommand(state, { order: 'reload' });
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

describe('a daemon that is killed while it carries an order out', () => {
  let script: string;
  before(async () => {
    script = await bundle(path.join(import.meta.dirname, 'killed-orders.ts'));
  });

  const killAt = (state: string, last: string): { touches: string[]; signal: string | null } => {
    const { stdout, stderr, signal } = spawnSync(process.execPath, [script, state, last], {
      encoding: 'utf8',
    });
    assert.equal(stderr, '');
    return { touches: stdout.split('\n').slice(0, -1), signal };
  };

  it('never carries it out again, wherever it was', async () => {
    const name = freshName();
    const ordered = (): string =>
      tempFolder({
        posts: '',
        [`orders/${name}.order`]: JSON.stringify(post),
        [`orders/${freshName('b')}.order`]: '{"order": "reload"}',
      });
    const { touches } = killAt(ordered(), '');
    const points = touches.slice(0, touches.lastIndexOf('rename'));
    assert.ok(points.includes('post'), touches.join());
    const seen = new Set<string>();
    for (const [index, point] of points.entries()) {
      for (const how of ['before', 'after']) {
        const state = ordered();
        assert.equal(killAt(state, `${how} ${index + 1}`).signal, 'SIGKILL');
        const stop = await receiveCommands(state, ({ order }) => {
          if (order === 'post') writeFileSync(path.join(state, 'posts'), 'posted\n', { flag: 'a' });
          return Promise.resolve(undefined);
        });
        await sendCommand(state, { order: 'reload' });
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
