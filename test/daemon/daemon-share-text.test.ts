import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Bot, parseFlockFile } from '../../src/config/flock-file.ts';
import { shareText } from '../../src/daemon/daemon.ts';
import { applyEvent, type BotState } from '../../src/ledger/state.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { collectGarbage } from '../support/collect-garbage.ts';

const megabyte = 1_000_000;
const flockFile = parseFlockFile('{}', 'flock.json');
const pair = new TokenPair('token', 'secret');

/** Text that shares nothing with any other that says the same. */
const freshText = (text: string): string => Buffer.from(text).toString('latin1');

function botOf(name: string, userId: string | undefined): Bot {
  const bot = freshText(name) as BotName;
  const id = userId === undefined ? undefined : freshText(userId);
  const bundle = { appKeys: pair, accessToken: pair, userId: id, screenName: undefined };
  return { name: bot, bundle, poemFile: '', settings: flockFile.settingsOf(bot) };
}

const stateOf = (bot: string, account?: string): [bot: string, state: BotState] => [
  freshText(bot),
  applyEvent(undefined, {
    event: 'begun',
    bot,
    at: 0,
    poem: '',
    ...(account !== undefined && { account: freshText(account) }),
  }),
];

function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

describe('a flock and its ledger', () => {
  it('keep once what they both say', () => {
    const long = (word: string, index: number): string => `${word}${index}`.padEnd(50_000, '.');
    const indices = Array.from({ length: 100 }, (_, index) => index);
    const bots = indices.map((index) => botOf(long('bot', index), long('id', index)));
    const states = new Map(indices.map((index) => stateOf(long('bot', index), long('id', index))));
    const before = heapUsed();
    shareText(bots, { states: () => states });
    const saved = before - heapUsed();
    assert.ok(saved > 9 * megabyte && saved < 11 * megabyte, `${saved} bytes`);
    assert.deepEqual(
      bots.map(({ name, bundle }) => [name, bundle.userId]),
      Array.from(states, ([name, { account }]) => [name, account]),
    );
  });

  it('say what they said before, where it is not the same', () => {
    const bots = [botOf('ada', '1'), botOf('bea', '2'), botOf('cleo', undefined), botOf('new', '4')];
    const states = new Map([
      stateOf('gone', '9'),
      stateOf('ada'),
      stateOf('bea', '77'),
      stateOf('cleo', '3'),
    ]);
    const told = JSON.stringify([bots, [...states]]);
    shareText(bots, { states: () => states });
    assert.equal(JSON.stringify([bots, [...states]]), told);
  });
});
