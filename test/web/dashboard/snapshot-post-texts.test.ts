import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Bot, parseFlockFile } from '../../../src/config/flock-file.ts';
import { fingerprint } from '../../../src/ledger/state.ts';
import type { RecentPost } from '../../../src/ledger/history.ts';
import { TokenPair } from '../../../src/oauth/signature.ts';
import type { BotName } from '../../../src/poems/bot-name.ts';
import { rulesOfX } from '../../../src/poems/tweet-text.ts';
import { PostTexts } from '../../../src/web/dashboard/snapshot.ts';

const pair = new TokenPair('a', 'b');
const bot = (name: string): Bot => ({
  name: name as BotName,
  bundle: { appKeys: pair, accessToken: pair, userId: '1', screenName: name },
  poemFile: name,
  settings: parseFlockFile('{}', 'flock.json').settingsOf(name as BotName),
  rules: rulesOfX,
});
const post = (line: number, text: string, of = 'howl'): RecentPost => ({
  bot: of,
  at: 1000 + line,
  line,
  lines: text.split('\n').length,
  print: fingerprint(text),
});

/** Poems, and how often they are read. */
function shelf(poems: Record<string, string>) {
  const reads: string[] = [];
  const readPoem = (file: string): Promise<string> => {
    reads.push(file);
    const text = poems[file];
    return text === undefined ? Promise.reject(new Error('gone')) : Promise.resolve(text);
  };
  return { reads, poems, texts: new PostTexts(readPoem) };
}

const bots = [bot('howl'), bot('evensong')];

describe('the texts of the last posts', () => {
  it('are those of the poem, be they joined', async () => {
    const { texts } = shelf({ howl: 'one\ntwo\n\nthree\n' });
    const posts = [post(0, 'one'), post(1, 'two\nthree')];
    await texts.find(posts, bots, 0);
    assert.deepEqual(posts.map(texts.textOf), ['one', 'two\nthree']);
  });

  it('are found where an edit has moved them, and stay when it takes them away', async () => {
    const { texts, poems } = shelf({ howl: 'new\none\ntwo\n' });
    const posts = [post(0, 'one')];
    await texts.find(posts, bots, 0);
    assert.deepEqual(posts.map(texts.textOf), ['one']);
    poems['howl'] = 'nothing of it\n';
    await texts.find([...posts, post(1, 'two')], bots, 1000);
    assert.deepEqual([...posts, post(1, 'two')].map(texts.textOf), ['one', undefined]);
  });

  it('cost one read of a poem for each new post', async () => {
    const { texts, reads } = shelf({ howl: 'one\ntwo\n', evensong: 'bell\n' });
    const posts = [post(0, 'one'), post(1, 'two'), post(0, 'bell', 'evensong')];
    for (let now = 0; now < 10; now++) await texts.find(posts, bots, now);
    assert.deepEqual(reads, ['howl', 'evensong']);
  });

  it('that are not found are looked for again in a minute', async () => {
    const { texts, reads, poems } = shelf({ howl: 'other\n' });
    const posts = [post(0, 'one')];
    for (const now of [0, 1000, 59_999]) await texts.find(posts, bots, now);
    assert.equal(reads.length, 1);
    poems['howl'] = 'one\n';
    await texts.find(posts, bots, 60_000);
    assert.deepEqual(posts.map(texts.textOf), ['one']);
  });

  it('are not known where the poem cannot be read or the bot is gone', async () => {
    const { texts } = shelf({});
    const posts = [post(0, 'one'), post(0, 'one', 'nobody')];
    await texts.find(posts, bots, 0);
    assert.deepEqual(posts.map(texts.textOf), [undefined, undefined]);
  });
});
