import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ShownFlock } from '../../support/shown-flock.ts';
import { ask } from './ask.ts';

const lines = (word: string, count: number): string =>
  Array.from({ length: count }, (_, n) => `${word} ${n + 1}`).join('\n');

/** What is to be read on a page. */
const textOf = (body: string): string =>
  body
    .replaceAll(/<head>[^]*<\/head>|<[^>]*>/g, ' ')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll(/\s+/g, ' ');

/** The numbers of the lines of a poem that a page shows, and what each is. */
const versesOf = (body: string): [number: number, is: string][] =>
  Array.from(body.matchAll(/<li\s+id="l-(\d+)"\s+value="\d+"\s+class="([^"]*)"/g), ([, number, is = '']) => [
    Number(number),
    is,
  ]);

describe('the page of a bot', () => {
  let flock: ShownFlock;
  let address: string;
  const load = async (way: string) => {
    const answer = await ask(address, encodeURI(way).replaceAll('%25', '%'));
    return { ...answer, text: textOf(answer.body) };
  };
  before(async () => {
    flock = new ShownFlock('2026-08-20T00:00:00Z', {
      timezone: 'Europe/Berlin',
      bots: {
        long: { schedule: '*/10 * * * *', spread: '1h', budget: { usdPerMonth: 20 } },
        灯台: { unit: 'stanza' },
        paused: { paused: true },
      },
    });
    flock.add('amber', lines('Amber', 30));
    flock.add('long', lines('Long <b>', 1000));
    flock.add('灯台', '灯台は一行だけ書いて、\nまた消す。\n\n静けさや\n');
    flock.add('paused', lines('Paused', 5));
    flock.add('dead', lines('Dead', 5));
    flock.addInvalid('broken', 'keys/broken.json: not a key bundle', 'make it again');
    flock.update();
    await flock.until('2026-08-21T00:00:00Z');
    flock.control('accounts/dead/revoke');
    await flock.until('2026-08-22T10:00:00Z');
    address = await flock.listen();
  });
  after(() => flock[Symbol.asyncDispose]());

  it('says how it stands, and where it is in its poem', async () => {
    const { status, body, text } = await load('/bots/amber');
    assert.equal(status, 200);
    assert.match(text, /amber @amber posting : next in 21 h , Sun 09:00 CEST/);
    const verses = versesOf(body);
    assert.deepEqual(
      verses.map(([number]) => number),
      Array.from({ length: 30 }, (_, n) => n + 1),
    );
    assert.deepEqual(verses.slice(1, 4), [
      [2, 'posted'],
      [3, 'posted'],
      [4, 'next'],
    ]);
    assert.match(body, /aria-current="step"/);
  });

  it('says what it posts next, and when', async () => {
    const { text } = await load('/bots/amber');
    assert.match(
      text,
      /The next lines in 21 h , Sun 09:00 CEST, line 4 Amber 4 in 2 days , Mon 09:00 CEST, line 5 Amber 5/,
    );
    const { text: paused } = await load('/bots/paused');
    assert.match(paused, /The next lines line 1, when it posts again Paused 1/);
  });

  it('has its schedule, its spending and its key in words', async () => {
    const { text } = await load('/bots/long');
    assert.match(
      text,
      /Schedule every 10 minutes, each \d+ min later by its spread of 60 min, by the clock of Europe\/Berlin\./,
    );
    assert.match(text, /This month \$\d\.\d+ of \$20\.00/);
    assert.match(text, /Key For @long at X, last changed 19 Aug 2026\./);
    assert.doesNotMatch(
      text,
      new RegExp(flock.flock().bots[0]?.bundle.accessToken.reveal().secret ?? 'none'),
    );
    assert.match((await load('/bots/灯台')).text, /A post is a stanza\./);
  });

  it('shows a long poem around its place, and the rest on request', async () => {
    const { body } = await load('/bots/long');
    const verses = versesOf(body);
    assert.equal(verses.length, 24);
    const next = verses.findIndex(([, is]) => is === 'next');
    assert.equal(next, 6);
    assert.match(body, /Long &lt;b&gt; \d+/);
    const [first = 0] = verses[0] ?? [];
    assert.match(body, new RegExp(`href="\\?line=${first - 100}#poem"`));
    assert.match(body, new RegExp(`href="\\?line=${first + 24}#poem"`));
    const rest = versesOf((await load('/bots/long?line=901')).body);
    assert.deepEqual([rest.length, rest[0], rest.at(-1)], [100, [901, 'to-come'], [1000, 'to-come']]);
    for (const line of ['0', '1001', 'x', '-5', '99999999999'])
      assert.equal(versesOf((await load(`/bots/long?line=${line}`)).body).length, 24, line);
  });

  it('tells its history, newest first, with texts and links', async () => {
    const { body, text } = await load('/bots/dead');
    assert.match(text, /History 2026-08-21 \d\d:\d\d needs you at line 2: X refuses its key/);
    assert.match(text, /2026-08-20 09:00 , on X posted line 1 of 5 Dead 1/);
    assert.match(text, /2026-08-20 02:00 begins its poem of 5 lines/);
    assert.match(body, /<a href="https:\/\/x\.com\/dead\/status\/\d+" rel="noreferrer"/);
    assert.match(body, /data-level="error"/);
  });

  it('shows the reason and the repair', async () => {
    const { text } = await load('/bots/dead');
    assert.match(text, /needs you : it posts nothing until/);
    assert.match(text, /X refuses its key \(401 Unauthorized\) keymaker reauth dead/);
    assert.match((await load('/bots/broken')).text, /keys\/broken\.json: not a key bundle make it again/);
  });

  it('has a name in any script', async () => {
    assert.match((await load('/bots/灯台')).text, /灯台 @/);
    assert.equal((await load('/bots/%E7%81')).status, 404);
  });

  it('is the flock’s own, or is not there', async () => {
    const { status, text } = await load('/bots/ambre');
    assert.equal(status, 404);
    assert.match(text, /No such bot The flock has no bot of the name ambre\. did you mean amber\?/);
    assert.equal((await load('/bots/%3Cscript%3E')).status, 404);
    assert.doesNotMatch((await load('/bots/%3Cscript%3E')).body, /<script>/);
  });

  it('has only relative addresses, so that a proxy may put it anywhere', async () => {
    const { body } = await load('/bots/amber');
    assert.deepEqual(
      Array.from(body.matchAll(/(?:href|src|action)="([^"]*)"/g), ([, to = '']) => to).filter((to) =>
        to.startsWith('/'),
      ),
      [],
    );
    assert.match(body, /src="\.\.\/dashboard\.js"/);
  });

  it('has the version of the flock, so that it is told of changes', async () => {
    const versionOf = (body: string): string | undefined => /data-version="([^"]+)"/.exec(body)?.[1];
    const [main, found, bot] = await Promise.all(['/', '/?q=amber', '/bots/amber'].map((way) => load(way)));
    assert.equal(versionOf(found?.body ?? ''), versionOf(main?.body ?? ''));
    assert.equal(versionOf(bot?.body ?? ''), versionOf(main?.body ?? 'none'));
  });
});

describe('the tab of a page', () => {
  const tabOf = (body: string): [title: string | undefined, icon: string] => {
    const [, title] = /<title>([^<]*)<\/title>/.exec(body) ?? [];
    const [, icon = ''] = /<link rel="icon" href="data:image\/svg\+xml,([^"]*)"/.exec(body) ?? [];
    return [title, decodeURIComponent(icon)];
  };

  it('says how many bots need a person, in title and icon', async () => {
    await using flock = new ShownFlock('2026-08-20T00:00:00Z', { schedule: '0 * * * *' });
    for (const bot of ['amber', 'birch', 'cinder']) flock.add(bot, lines(bot, 90));
    flock.update();
    await flock.until('2026-08-20T06:30:00Z');
    const address = await flock.listen();
    const [title, icon] = tabOf((await ask(address, '/')).body);
    assert.equal(title, 'The flock · flockd');
    assert.doesNotMatch(icon, /circle/);
    flock.addInvalid('broken', 'its bundle is bad', 'make it again');
    flock.addInvalid('worse', 'its bundle is bad', 'make it again');
    flock.update();
    const later = await ask(await flock.listen(), '/');
    assert.equal(tabOf(later.body)[0], '(2) The flock · flockd');
    assert.match(tabOf(later.body)[1], /<circle[^>]*fill="#c8321b"\/><text[^>]*>2<\/text>/);
    const csp = String(later.headers['content-security-policy']);
    assert.match(csp, /img-src data:/);
  });
});
