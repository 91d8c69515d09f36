import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TokenPair } from '../../src/oauth/signature.ts';
import {
  type Arrival,
  type Callback,
  PendingCallbacks,
  readCallback,
  requestTokenLife,
} from '../../src/web/callback.ts';

const long = (length: number): string => 'a'.repeat(length);
const unreadable: Callback = { kind: 'unreadable' };
const denied: Callback = { kind: 'denied', token: 'req-1' };
const granted = (verifier: string, token = 'req-1'): Callback => ({ kind: 'granted', token, verifier });

describe('a callback', () => {
  const rows: [name: string, query: string, read: Callback][] = [
    ['a yes', 'oauth_token=req-1&oauth_verifier=v', granted('v')],
    ['a yes with other fields', 'x=1&oauth_verifier=v&state=%0A&oauth_token=req-1', granted('v')],
    ['a yes with signs in it', 'oauth_token=a%2Bb%26c&oauth_verifier=%3D%25', granted('=%', 'a+b&c')],
    [
      'a yes as long as can be',
      `oauth_token=${long(512)}&oauth_verifier=${long(512)}`,
      granted(long(512), long(512)),
    ],
    ['X’s no', 'denied=req-1', denied],
    ['X’s no with a field of the app', 'denied=req-1&lang=de', denied],
    ['a no with both names', 'oauth_token=req-1&denied=req-1', denied],
    ['a no with a verifier', 'oauth_token=req-1&oauth_verifier=v&denied=req-1', denied],
    ['a problem', 'oauth_token=req-1&oauth_problem=user_refused', denied],
    ['a problem with a verifier', 'oauth_token=req-1&oauth_verifier=v&oauth_problem=', denied],
    ['no verifier', 'oauth_token=req-1', denied],
    ['an empty verifier', 'oauth_token=req-1&oauth_verifier=', denied],
    ['a verifier with a space', 'oauth_token=req-1&oauth_verifier=a+b', denied],
    ['a verifier with a line break', 'oauth_token=req-1&oauth_verifier=a%0Ab', denied],
    ['a verifier with a line break at its end', 'oauth_token=req-1&oauth_verifier=a%0A', denied],
    ['a verifier with an escape code', 'oauth_token=req-1&oauth_verifier=%1b[2J', denied],
    ['a verifier that is not ASCII', 'oauth_token=req-1&oauth_verifier=%C3%A9', denied],
    ['a verifier that is too long', `oauth_token=req-1&oauth_verifier=${long(513)}`, denied],
    ['a verifier as a list', 'oauth_token=req-1&oauth_verifier[]=v', denied],
    ['a yes of Mastodon', 'code=v&state=req-1', granted('v')],
    ['a no of Mastodon', 'error=access_denied&state=req-1', denied],
    ['a no of Mastodon with a code', 'code=v&error=x&state=req-1', denied],
    ['a state alone', 'state=req-1', denied],
    ['a code alone', 'code=v', unreadable],
    ['two states', 'code=v&state=req-1&state=req-2', unreadable],
    ['a state beside a verifier', 'oauth_verifier=v&state=req-1&code=v', unreadable],
    ['nothing', '', { kind: 'nameless' }],
    ['a name without a value', 'x', unreadable],
    ['a verifier alone', 'oauth_verifier=v', unreadable],
    ['a problem alone', 'oauth_problem=user_refused', unreadable],
    ['an empty token', 'oauth_token=&oauth_verifier=v', unreadable],
    ['an empty no', 'denied=', unreadable],
    ['a token with a NUL', 'oauth_token=req-1%00&oauth_verifier=v', unreadable],
    ['a token with a line break at its end', 'oauth_token=req-1%0A&oauth_verifier=v', unreadable],
    ['a token that is not UTF-8', 'oauth_token=%ff&oauth_verifier=v', unreadable],
    ['a token that is too long', `oauth_token=${long(513)}&oauth_verifier=v`, unreadable],
    ['a token in capitals', 'OAUTH_TOKEN=req-1&oauth_verifier=v', unreadable],
    ['a token as a list', 'oauth_token[]=req-1&oauth_verifier=v', unreadable],
    ['two tokens', 'oauth_token=req-1&oauth_token=req-2&oauth_verifier=v', unreadable],
    ['the same token twice', 'oauth_token=req-1&oauth_token=req-1&oauth_verifier=v', unreadable],
    ['a good token and an empty one', 'oauth_token=req-1&oauth_token=&oauth_verifier=v', unreadable],
    ['two verifiers', 'oauth_token=req-1&oauth_verifier=v&oauth_verifier=w', unreadable],
    ['two names in one, encoded apart', 'oauth_token=req-1&oauth_verifier=v&oauth%5Fverifier=w', unreadable],
    ['two noes', 'denied=req-1&denied=req-1', unreadable],
    ['two tokens and a no', 'oauth_token=req-1&oauth_token=req-2&denied=req-1', unreadable],
    ['two of a field of the app', 'oauth_token=req-1&oauth_verifier=v&x=1&x=2', unreadable],
  ];
  for (const [name, query, read] of rows) {
    it(`is read as ${read.kind} from ${name}`, () => {
      assert.deepEqual(readCallback(new URLSearchParams(query)), read);
    });
  }

  it('is no yes where it says no as well, to nothing or to another', () => {
    for (const no of ['denied=', 'denied', 'denied=a%0Ab', 'denied=req-2']) {
      const { kind } = readCallback(new URLSearchParams(`oauth_token=req-1&oauth_verifier=v&${no}`));
      assert.notEqual(kind, 'granted', no);
    }
  });

  it('is granted by nothing but one good token and one good verifier', () => {
    const name = fc.constantFrom('oauth_token', 'oauth_verifier', 'oauth_problem', 'denied', 'x');
    const value = fc.oneof(
      fc.constantFrom('req-1', 'v', ''),
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.string({ maxLength: 4 }),
    );
    const yes: [string, string][] = [
      ['oauth_token', 'req-1'],
      ['oauth_verifier', 'v'],
    ];
    const said = fc.array(fc.tuple(name, value), { maxLength: 5 });
    let grants = 0;
    fc.assert(
      fc.property(fc.constantFrom([], yes), said, (before, after) => {
        const fields = [...before, ...after];
        const read = readCallback(new URLSearchParams(fields));
        if (read.kind !== 'granted') return;
        grants += 1;
        const of = (wanted: string) => fields.filter(([found]) => found === wanted).map(([, text]) => text);
        assert.deepEqual([of('oauth_token'), of('oauth_verifier')], [[read.token], [read.verifier]]);
        assert.deepEqual(of('oauth_problem'), []);
        assert.deepEqual(of('denied'), []);
        for (const text of [read.token, read.verifier]) assert.match(text, /^[!-~]+$/);
      }),
      { numRuns: 10_000 },
    );
    // About 1,060 are, give or take 30.
    assert.ok(grants > 850, `only ${grants} were granted`);
  });
});

/** What is said of an arrival: whose it is and with what, or the status of the page. */
function told<T>(arrival: Arrival<T>): unknown {
  if ('warning' in arrival) {
    for (const text of [arrival.warning, arrival.message.title, arrival.message.text]) {
      assert.match(text, /^[\x20-\x7e]+$/);
      assert.doesNotMatch(text, /req-|hidden/);
    }
    return arrival.status;
  }
  return [arrival.who, arrival.requestToken.reveal().secret, arrival.answer];
}

/** The desk where people come back, and a clock in milliseconds. */
class Desk {
  now = Date.parse('2026-11-21T09:00:00Z');
  readonly returning = new PendingCallbacks<string>();
  readonly tokens = new Map<string, TokenPair>();

  expect(token: string, who: string): void {
    const pair = this.tokens.get(token) ?? new TokenPair(token, `hidden-${token}`);
    this.tokens.set(token, pair);
    this.returning.expect(pair, who, this.now);
  }

  arrive(query: string): unknown {
    return told(this.returning.arrive(new URLSearchParams(query), this.now));
  }
}

const yes = (n: number, verifier = 'v'): string => `oauth_token=req-${n}&oauth_verifier=${verifier}`;
const grant = (who: string, n: number, verifier = 'v'): unknown => [who, `hidden-req-${n}`, { verifier }];
const [bad, gone, nobody] = [400, 410, 403];

describe('people who come back', () => {
  it('are known by their request tokens, in whatever order they come', () => {
    const desk = new Desk();
    for (const [n, bot] of ['amber', 'birch', 'cinder'].entries()) desk.expect(`req-${n}`, bot);
    assert.deepEqual(desk.arrive(yes(2)), grant('cinder', 2));
    assert.deepEqual(desk.arrive('denied=req-0'), ['amber', 'hidden-req-0', 'denied']);
    assert.deepEqual(desk.arrive(yes(1, 'w')), grant('birch', 1, 'w'));
  });

  it('come once: what they bring a second time is stale, with another verifier or another answer too', () => {
    for (const first of [yes(1), 'denied=req-1', 'oauth_token=req-1', `${yes(1)}&oauth_problem=x`]) {
      const desk = new Desk();
      desk.expect('req-1', 'amber');
      assert.ok(Array.isArray(desk.arrive(first)), first);
      for (const second of [first, yes(1), yes(1, 'w'), 'denied=req-1', 'oauth_token=req-1'])
        assert.equal(desk.arrive(second), gone, `${first}, then ${second}`);
    }
  });

  it('are foreign where nobody asked for them, and move nobody', () => {
    const desk = new Desk();
    desk.expect('req-1', 'amber');
    const strangers = [
      yes(2),
      'denied=req-2',
      'oauth_token=REQ-1&oauth_verifier=v',
      'oauth_token=req-11',
      'oauth_token=__proto__',
      'oauth_token=hidden-req-1&oauth_verifier=v',
      'denied=constructor',
    ];
    for (const query of strangers) assert.equal(desk.arrive(query), nobody, query);
    assert.deepEqual(desk.arrive(yes(1)), grant('amber', 1));
  });

  it('are sent away where what they bring cannot be read, and may come again with what can', () => {
    const desk = new Desk();
    desk.expect('req-1', 'amber');
    for (const query of [
      'oauth_verifier=v',
      `${yes(1)}&oauth_token=req-2`,
      `${yes(1)}&oauth_verifier=w`,
      'denied=req-1&denied=req-1',
      'oauth_token=req-1%0A&oauth_verifier=v',
    ])
      assert.equal(desk.arrive(query), bad, query);
    assert.deepEqual(desk.arrive(yes(1)), grant('amber', 1));
  });

  it('move nobody where they come without a word, as any page can send its reader', () => {
    const desk = new Desk();
    assert.equal(desk.arrive(''), bad);
    desk.expect('req-1', 'amber');
    assert.equal(desk.arrive(''), bad);
    assert.deepEqual(desk.arrive(yes(1)), grant('amber', 1));
  });

  it('come too late after a quarter of an hour, to the millisecond', () => {
    const desk = new Desk();
    desk.expect('req-1', 'amber');
    desk.expect('req-2', 'birch');
    desk.now += requestTokenLife - 1;
    assert.deepEqual(desk.arrive(yes(1)), grant('amber', 1));
    desk.expect('req-3', 'cinder');
    desk.now += 1;
    assert.equal(desk.arrive(yes(2)), gone);
    assert.equal(desk.arrive('denied=req-2'), gone);
    assert.deepEqual(desk.arrive(yes(3)), grant('cinder', 3));
    assert.equal(requestTokenLife, 15 * 60_000);
  });

  it('are not waited for once they are given up, alone or after they came', () => {
    const desk = new Desk();
    desk.expect('req-1', 'amber');
    desk.expect('req-2', 'birch');
    const [first] = desk.tokens.values();
    assert.ok(first);
    desk.returning.giveUp(first);
    assert.equal(desk.arrive(yes(1)), gone);
    assert.deepEqual(desk.arrive(yes(2)), grant('birch', 2));
    desk.returning.giveUp(first);
    assert.equal(desk.arrive(yes(1)), gone);
  });

  it('are let in once for each request token, whatever comes and when', () => {
    const step = fc.record({
      token: fc.nat(3),
      query: fc.constantFrom('yes', 'no', 'twice', 'nothing'),
      wait: fc.constantFrom(0, 1, requestTokenLife / 2, requestTokenLife),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (visits) => {
        const desk = new Desk();
        const opened = desk.now;
        for (const n of [0, 1, 2]) desk.expect(`req-${n}`, `bot-${n}`);
        const over = new Set<number>();
        for (const { token, query, wait } of visits) {
          desk.now += wait;
          const late = desk.now >= opened + requestTokenLife;
          const left = [0, 1, 2].filter((n) => !late && !over.has(n));
          const text = {
            yes: yes(token),
            no: `denied=req-${token}`,
            twice: `${yes(token)}&x=1&x=2`,
            nothing: '',
          };
          const came = desk.arrive(text[query]);
          const no = [`bot-${token}`, `hidden-req-${token}`, 'denied'];
          if (query === 'twice' || query === 'nothing') {
            assert.equal(came, bad);
            continue;
          }
          if (token === 3) assert.equal(came, nobody);
          else if (!left.includes(token)) assert.equal(came, gone);
          else assert.deepEqual(came, query === 'yes' ? grant(`bot-${token}`, token) : no);
          over.add(token);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
