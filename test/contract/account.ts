import assert from 'node:assert/strict';
import { it } from 'node:test';
import { markOf } from '../../src/ledger/state.ts';
import type { Account, TimelinePost, TimelineStart } from '../../src/networks/network.ts';
import { postInstant } from '../../src/networks/x/client.ts';

/*
 * What posting relies on at every network: one table of cases, for each sandbox and each real server.
 */

/** An account at a network. */
export interface Stage<A extends Account = Account> {
  account: A;
  /** The same account with a key that the server never gave. */
  stranger: A;
  /** As the network gives it. */
  screenName: string;
  userId: string;
  /** A new mark, where any text is none. */
  mark?: () => string;
  /** Whether the order of ids is that of posts, so that a post may be gone whose id is known. */
  ordersIds?: true;
  /** The smallest page that the network gives. */
  minPage?: number;
}

/** Texts that servers are known to change. */
export const hostileTexts = [
  'rain on tin',
  '  two spaces before,  and  two  within ',
  '1 < 2 and 3 > 2, <b>bold</b> & &amp; &lt;i&gt;',
  'first line\nsecond line\n\nthird after a blank line\n\n\nfourth',
  '*star* _under_ `code` ~~gone~~ # head\n> quote\n- item',
  'a link https://example.org/a?b=c&d=e#f and night.It is none',
  'ask @nobody_here or @nobody@example.org, a@b.example',
  '#tag and #Zeile_1, $cash',
  'Käse, 雨が降る, \u{1f469}\u200d\u{1f4bb} \u{1f327}\ufe0f e\u0301 مطر',
  '"quotes" \'and\' “these” … -- (c) :smile: 100%',
  String.raw`back\slash \n \* \_`,
];

let count = 0;
const fresh = (text: string): string => `${text} ${String((count += 1))}`;

export async function posted({ account, mark = () => fresh('mark') }: Stage, text: string): Promise<string> {
  const outcome = await account.post(text, { mark: mark(), language: 'en' });
  assert.ok('ok' in outcome, JSON.stringify(outcome));
  return outcome.ok;
}

/** All posts from a start on, newest first, as a look for a text reads them. */
export async function postsFrom(
  { account, userId, minPage = 1 }: Stage,
  from: TimelineStart,
  { looked = '', maxPosts = 40 } = {},
): Promise<TimelinePost[]> {
  const posts: TimelinePost[] = [];
  const isKnown = (text: string): boolean => markOf(text) === markOf(looked);
  let token: string | undefined;
  do {
    const page = await account.timeline(userId, from, {
      maxPosts: Math.max(maxPosts, minPage),
      token,
      isKnown,
    });
    assert.ok('ok' in page, JSON.stringify(page));
    assert.ok(page.ok.posts.length <= Math.max(maxPosts, minPage));
    assert.ok(page.ok.next === undefined || page.ok.next !== token, 'the same page again');
    posts.push(...page.ok.posts);
    token = page.ok.next;
  } while (token !== undefined);
  return posts;
}

const found = async (stage: Stage, from: TimelineStart, text: string): Promise<string | undefined> =>
  (await postsFrom(stage, from, { looked: text })).find((post) => markOf(post.text) === markOf(text))?.id;

/** What every network does, and its client with it. */
export function accountCases(stage: () => Promise<Stage>): void {
  it('names the account of the key', async () => {
    const { account, screenName, userId } = await stage();
    const me = await account.me();
    assert.ok('ok' in me, JSON.stringify(me));
    assert.deepEqual([me.ok.screenName, me.ok.userId], [screenName, userId]);
  });

  for (const text of hostileTexts) {
    it(`finds again what it posted: ${JSON.stringify(text)}`, async () => {
      const on = await stage();
      const before = await posted(on, fresh('before'));
      const id = await posted(on, text);
      assert.equal(await found(on, { sinceId: before }, text), id);
      assert.equal(await found(on, { sinceId: id }, text), undefined);
    });
  }

  it('finds no text that was not posted, in a whole list', async () => {
    const on = await stage();
    const before = await posted(on, fresh('before'));
    await posted(on, fresh('rain'));
    assert.equal(await found(on, { sinceId: before }, 'rain'), undefined);
    assert.equal(await found(on, 'newest', 'rain never posted'), undefined);
  });

  it('reads what follows a post, newest first, in pages of any size', async () => {
    const on = await stage();
    const before = await posted(on, fresh('before'));
    const ids: string[] = [];
    for (let n = 0; n < 7; n++) ids.unshift(await posted(on, fresh('line')));
    for (const maxPosts of [1, 3, 7, 40]) {
      const read = await postsFrom(on, { sinceId: before }, { maxPosts });
      assert.deepEqual(
        read.map(({ id }) => id),
        ids,
      );
    }
    const [newest] = await postsFrom(on, { sinceId: ids[1] ?? '' });
    assert.equal(newest?.id, ids[0]);
  });

  it('reads from an instant on, also where the post to begin after is gone', async () => {
    const on = await stage();
    const id = await posted(on, fresh('line'));
    const [post] = await postsFrom(on, 'newest');
    assert.equal(post?.id, id);
    const start = post.at ?? postInstant(id) ?? NaN;
    const gone = on.ordersIds ? [] : [{ sinceId: 'gone', start }];
    for (const from of [{ start }, ...gone]) {
      const read = await postsFrom(on, from);
      assert.ok(read.some((one) => one.id === id));
      assert.ok(read.every((one) => (one.at ?? postInstant(one.id) ?? NaN) >= start));
    }
    if (post.at !== undefined) assert.deepEqual(await postsFrom(on, { start: start + 3_600_000 }), []);
  });

  it('refuses a key that it never gave, at every request', async () => {
    const { stranger, mark } = await stage();
    const post = await stranger.post('rain', { mark: mark?.() });
    for (const outcome of [await stranger.me(), post]) {
      assert.ok('failure' in outcome);
      assert.match(outcome.failure.kind, /^(reauth|unauthorized)$/);
    }
  });
}
