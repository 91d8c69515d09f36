import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PendingCommands } from '../../src/daemon/daemon.ts';
import { FlockError } from '../../src/errors.ts';

function openCommands() {
  const commands = new PendingCommands();
  const done: string[] = [];
  const tell = (bot: string, text: string): Promise<void> =>
    commands.add(bot, async () => {
      done.push(`${text} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      done.push(`${text} ends`);
    });
  return { commands, done, tell };
}

describe('what bots are commands', () => {
  it('is carried out by each of them, one after the other, once it comes to it', async () => {
    const { commands, done, tell } = openCommands();
    const given = [tell('ada', 'first'), tell('ada', 'second')];
    const other = tell('bea', 'third');
    assert.deepEqual(done, []);
    await commands.execute('ada');
    await Promise.all(given);
    assert.deepEqual(done, ['first begins', 'first ends', 'second begins', 'second ends']);
    await commands.execute('ada');
    assert.equal(done.length, 4);
    await commands.execute('bea');
    await other;
    assert.equal(done.length, 6);
  });

  it('fails for who gave the order alone', async () => {
    const { commands, done, tell } = openCommands();
    const refused = assert.rejects(
      commands.add('ada', () => Promise.reject(new Error('no'))),
      /^Error: no$/,
    );
    const other = tell('ada', 'other');
    await commands.execute('ada');
    await Promise.all([refused, other]);
    assert.deepEqual(done, ['other begins', 'other ends']);
  });

  it('is refused where it was not begun, and what was begun comes to its end', async () => {
    const { commands, done, tell } = openCommands();
    const first = tell('ada', 'first');
    const executing = commands.execute('ada');
    const second = assert.rejects(tell('ada', 'second'), /^FlockError: it ends$/);
    commands.refuse(new FlockError('tryLater', 'it ends'));
    await Promise.all([first, executing, second]);
    await commands.execute('ada');
    assert.deepEqual(done, ['first begins', 'first ends']);
  });

  it('is carried out aside, one after the other, for a bot that is not there', async () => {
    const { commands, done, tell } = openCommands();
    const given = [tell('ada', 'first')];
    commands.executeAside('ada');
    given.push(tell('ada', 'second'));
    commands.executeAside('ada');
    assert.equal(commands.aside('bea'), undefined);
    let isDone = false;
    const aside = commands.aside('ada')?.then(() => (isDone = true));
    await given[0];
    assert.equal(isDone, false);
    await Promise.all([aside, commands.asideDone()]);
    assert.deepEqual(done, ['first begins', 'first ends', 'second begins', 'second ends']);
    assert.equal(commands.aside('ada'), undefined);
  });
});
