import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import {
  accountMark,
  folderMark,
  introductionOf,
  Presence,
  runningDaemons,
} from '../../src/daemon/claims.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { bundle } from '../support/bundle.ts';

const keyOf = (token: string, userId?: string) => ({
  appKeys: new TokenPair('app', 'secret'),
  accessToken: new TokenPair(token, 'secret'),
  userId,
  screenName: undefined,
  provider: undefined,
});

describe('the mark of an account', () => {
  const x = 'https://api.x.com';

  it('is the same for all keys of one account, and for all ways to X', () => {
    const mark = accountMark(keyOf('42-one', '42'), x);
    assert.match(mark, /^[\w-]{6}$/);
    assert.equal(accountMark(keyOf('42-two'), x), mark);
    assert.equal(accountMark(keyOf('42-two', '42'), 'https://proxy.example/x'), mark);
    assert.notEqual(accountMark(keyOf('43-one', '43'), x), mark);
  });

  it('is another in each sandbox', () => {
    const marks = [x, 'http://127.0.0.1:4010', 'http://127.0.0.1:4011'].map((api) =>
      accountMark(keyOf('42-one', '42'), api),
    );
    assert.equal(new Set(marks).size, 3);
    assert.equal(accountMark(keyOf('42-one', '42'), 'http://localhost:4010'), marks[1]);
  });
});

const skip = process.platform !== 'linux' && 'there are no abstract sockets';

describe('the flockds of a machine', { skip }, () => {
  let script: string;
  const children: ChildProcess[] = [];
  before(async () => {
    script = await bundle(path.join(import.meta.dirname, 'registry-process.ts'));
  });
  after(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  /** Marks that no other test has. */
  let count = 0;
  const newMarks = (length: number): string[] =>
    Array.from({ length }, () => `${process.pid}-${count++}`.padStart(6, '_').slice(-6));

  /** Another process that takes accounts, by another user where that can be. */
  async function other(state: string, marks: readonly string[], uid?: number) {
    const child = spawn(process.execPath, [script, '/srv/flock', state, marks.join(' ')], {
      stdio: ['pipe', 'pipe', 'inherit'],
      ...(uid !== undefined && { uid }),
    });
    children.push(child);
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    return { child, lacks: JSON.parse(line) as string[], ended: once(child, 'exit') };
  }

  it('are seen with their pid, their folders and their accounts, until they end', async () => {
    const state = tempFolder();
    const marks = newMarks(40);
    const mark = await folderMark(state);
    const seen = async () => (await runningDaemons()).filter(({ folder }) => folder === mark);
    {
      await using presence = await Presence.announce({ root: '/srv/flock', state });
      assert.deepEqual([...(await presence.take(marks))], []);
      assert.deepEqual([...(await presence.take(marks))], [], 'they are its own already');
      const [daemon] = await seen();
      assert.ok(daemon);
      assert.equal(daemon.pid, process.pid);
      assert.deepEqual([...daemon.accounts].sort(), [...marks].sort());
      assert.deepEqual(await introductionOf(daemon), { root: '/srv/flock', state });
    }
    assert.deepEqual(await seen(), []);
  });

  it('keep their accounts from others, of whatever user, also while they are stopped', async () => {
    const [a = '', b = '', c = ''] = newMarks(3);
    const state = tempFolder();
    // A user who may not even look into the state folder's parents has one of their own.
    const theirs = tempFolder();
    await chmod(theirs, 0o755);
    const first = await other(theirs, [a, b], process.getuid?.() === 0 ? 65_534 : undefined);
    assert.deepEqual(first.lacks, []);
    first.child.kill('SIGSTOP');
    await using presence = await Presence.announce({ root: '/', state });
    const held = await presence.take([b, c]);
    assert.deepEqual([...held.keys()], [b]);
    const holder = held.get(b);
    assert.equal(holder?.pid, first.child.pid);
    assert.ok(holder);
    const gone = new Promise<void>((resolve) => {
      presence.whenEnded(holder, resolve);
    });
    first.child.kill('SIGKILL');
    await gone;
    await first.ended;
    assert.deepEqual([...(await presence.take([b, c]))], []);
  });

  it('take each account once, however many start at a time', async () => {
    const marks = newMarks(3);
    const started = await Promise.all(Array.from({ length: 6 }, () => other(tempFolder(), marks)));
    for (const mark of marks)
      assert.equal(started.filter(({ lacks }) => !lacks.includes(mark)).length, 1, mark);
  });
});
