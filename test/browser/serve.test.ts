import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { noBrowser, openBrowser, patience } from './browser.ts';
import { sentBackAs, TestFlock } from '../support/flock.ts';
import type { Running } from '../support/programs.ts';
import { askWithHosts } from '../support/raw-request.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const poems = {
  'amber.txt': 'Amber keeps the gnat\nand the afternoon\n',
  'birch.txt': 'Birch writes white on white\n',
  'cinder.txt': 'Cinder, small red clause\n',
  'dune.txt': 'Dune moves house by the grain\n',
};
const fewMore = Object.fromEntries(['e', 'f', 'g', 'h', 'i'].map((name) => [`${name}.txt`, `${name}\n`]));
const settings = { bots: { dune: { account: '@dune_reads' } } };

/** A page of the flock in a browser of its own. */
class Desk implements AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly keymaker: Running;
  readonly address: string;
  readonly complaints: string[] = [];

  private constructor(context: BrowserContext, page: Page, keymaker: Running, address: string) {
    this.context = context;
    this.page = page;
    this.keymaker = keymaker;
    this.address = address;
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
  }

  static async open(
    browser: Browser,
    flock: TestFlock,
    { env = {}, ...options }: Parameters<Browser['newContext']>[0] & { env?: Record<string, string> } = {},
  ) {
    const keymaker = flock.start('keymaker', ['serve', '--port', '0'], { env });
    const { 0: address } = await keymaker.matching(/^http\S+(?=\r?\n)/m);
    const context = await browser.newContext(options);
    context.setDefaultTimeout(patience);
    const desk = new Desk(context, await context.newPage(), keymaker, address);
    await desk.page.goto(address);
    return desk;
  }

  get origin(): string {
    return new URL(this.address).origin;
  }

  card(bot: string) {
    return this.page.locator(`#bot-${bot}`);
  }

  get outcome() {
    return this.page.locator('.outcome');
  }

  async show(path = ''): Promise<void> {
    await this.page.goto(`${this.origin}/${path}`);
  }

  /** Presses Authorize in the list. */
  async begin(bot: string): Promise<void> {
    await this.show();
    await this.card(bot)
      .getByRole('button', { name: `Authorize ${bot}` })
      .click();
  }

  /** Answers the page of the provider. */
  async signIn(account: string, action = 'Authorize app'): Promise<void> {
    await this.page.fill('#screen_name', account);
    await this.page.getByRole('button', { name: action }).click();
  }

  /** @returns what the page of the flock says came of it */
  async authorize(bot: string, account: string, action?: string): Promise<string> {
    await this.begin(bot);
    await this.signIn(account, action);
    await this.outcome.waitFor();
    return this.outcome.innerText();
  }

  /** Nothing is wider than the window, and axe finds nothing. It needs `bypassCSP`. */
  async examine(): Promise<void> {
    // After a form the text may be there before the style sheet.
    await this.page.waitForLoadState('load');
    assert.equal(await this.page.evaluate('document.documentElement.scrollWidth > window.innerWidth'), false);
    const found: unknown = await this.page.evaluate(
      `${axe}; axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))`,
    );
    assert.deepEqual(found, []);
  }

  async [Symbol.asyncDispose]() {
    await this.context.close();
    this.keymaker.kill('SIGINT');
    await this.keymaker.exit;
  }
}

describe('keymaker serve in Chromium', { skip: noBrowser }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  it('lets a person authorize three bots, cancel one, and be refused with the wrong account', async () => {
    await using flock = await TestFlock.open({ poems, settings });
    await using desk = await Desk.open(browser, flock);
    const { page } = desk;
    assert.equal(await page.title(), '0 of 4 bots have a key. · keymaker');
    assert.equal(await page.locator('.bot').count(), 4);
    assert.match(await desk.authorize('amber', 'amber'), /^amber is @amber/);
    assert.match(await desk.authorize('birch', 'birch_too', 'Cancel'), /^Nothing was authorized/);
    assert.match(await desk.authorize('birch', 'birch'), /^birch is @birch/);
    assert.match(
      await desk.authorize('dune', 'somebody_else'),
      /you authorized @somebody_else .* but this bot is @dune_reads/,
    );
    assert.deepEqual(await readdir(flock.file('keys')), ['amber.json', 'birch.json']);
    assert.match(await desk.authorize('dune', 'dune_reads'), /^dune is @dune_reads/);
    assert.match(await desk.authorize('cinder', 'birch'), /@birch, which is the account of birch already/);
    assert.equal(await page.locator('h1').innerText(), '3 of 4 bots have a key.');
    assert.equal(await page.getByRole('progressbar').getAttribute('value'), '3');
    assert.equal(await desk.card('dune').locator('.account').innerText(), '@dune_reads');
    for (const [bot, account] of [
      ['amber', 'amber'],
      ['birch', 'birch'],
      ['dune', 'dune_reads'],
    ] as const)
      assert.deepEqual(await flock.bundle(bot), flock.granted(bot, account));
    assert.deepEqual(desk.complaints, []);
  });

  it('asks whose account it is before it stores a key, without a script, and survives a reload', async () => {
    await using flock = await TestFlock.open({ poems });
    await using desk = await Desk.open(browser, flock, { javaScriptEnabled: false });
    const { page } = desk;
    const authorize = async (account: string): Promise<void> => {
      await desk.begin('amber');
      await desk.signIn(account);
      await page.getByRole('button', { name: /^Yes/ }).waitFor();
    };
    const stored = () => readdir(flock.file('keys'));
    await authorize('rain_poems');
    for (let time = 0; time < 2; time++) {
      assert.equal(await page.locator('h1').innerText(), 'Is @rain_poems the account of amber?');
      assert.match(await page.locator('main').innerText(), /Amber keeps the gnat[^]*Nothing is stored yet/);
      await page.reload();
    }
    assert.deepEqual(await stored(), []);
    const question = page.url();
    await page.getByRole('button', { name: /^No/ }).click();
    await desk.outcome.waitFor();
    assert.match(
      await desk.outcome.innerText(),
      /Nothing was stored\s+@rain_poems is not the account of amber, you say\..*fresh link/,
    );
    await page.goto(question);
    assert.equal(await page.locator('h1').innerText(), 'That question was answered');
    assert.deepEqual(await stored(), []);
    // A later key takes the place of an earlier one, and can be answered for on the page of the flock.
    await authorize('rain_poems');
    const earlier = page.url();
    await desk.show();
    assert.equal(await page.locator('.next h2').innerText(), 'Is @rain_poems the account of amber?');
    await desk.card('amber').getByRole('link', { name: 'Answer amber' }).click();
    assert.equal(await page.locator('h1').innerText(), 'Is @rain_poems the account of amber?');
    await page.goto(earlier);
    await page.getByRole('button', { name: /^Yes/ }).click();
    await desk.outcome.waitFor();
    assert.match(await desk.outcome.innerText(), /amber is @rain_poems\s+Its key is stored/);
    assert.deepEqual(await flock.bundle('amber'), flock.granted('amber', 'rain_poems'));
    await flock.assertNoSecrets();
    // The page of the question that was answered.
    assert.deepEqual(
      desk.complaints.filter((text) => !text.includes('410')),
      [],
    );
  });

  it('checks a key, posts a test, and revokes', async () => {
    await using flock = await TestFlock.open({ poems });
    for (const bot of ['amber', 'birch']) await flock.giveKey(bot);
    await using desk = await Desk.open(browser, flock);
    const { page, outcome } = desk;
    const post = async (text: string): Promise<void> => {
      await page.getByRole('textbox', { name: /Send a test post/ }).fill(text);
      await page.getByRole('button', { name: 'Post it' }).click();
    };
    await desk.card('amber').getByRole('link', { name: 'amber' }).click();
    await page.getByRole('button', { name: 'Check' }).click();
    assert.match(await outcome.innerText(), /The key of amber works\s+X knows it as @amber\./);
    await post('Is this on? “Yes” & <b>loud</b>');
    assert.match(await outcome.innerText(), /Posted\s+“Is this on\? “Yes” & <b>loud<\/b>” is on the account/);
    assert.deepEqual(flock.postsOf('amber'), ['Is this on? “Yes” & <b>loud</b>']);
    await post('and the afternoon');
    assert.match(await outcome.innerText(), /a line of the poem/);
    await page.getByRole('button', { name: 'Revoke the key' }).click();
    assert.match(await outcome.innerText(), /The key of amber has ended/);
    assert.equal(await page.getByRole('button', { name: 'Authorize' }).count(), 1);
    assert.deepEqual(await readdir(flock.file('keys')), ['birch.json']);
    await flock.assertNoSecrets();
    const seen = await desk.page.content();
    for (const secret of Object.entries(flock.granted('birch')).flatMap(([name, value]) =>
      name.includes('token') ? [value] : [],
    ))
      assert.ok(!seen.includes(secret), 'a secret reached the page');
    assert.deepEqual(desk.complaints, []);
  });

  it('tells what is wrong with a key that was revoked, and mends it', async () => {
    await using flock = await TestFlock.open({ poems });
    await flock.giveKey('amber');
    await using desk = await Desk.open(browser, flock);
    const token = flock.x.sandbox.world.accessToken(flock.granted('amber')['oauth_token'] ?? '');
    assert.ok(token);
    token.revoked = true;
    const { page } = desk;
    await desk.show('bots/amber');
    await page.getByRole('button', { name: 'Check' }).click();
    assert.match(await desk.outcome.innerText(), /That did not work/);
    await page.getByRole('button', { name: 'Authorize again' }).click();
    await desk.signIn('amber');
    await page.locator('.outcome[data-tone="good"]').waitFor();
    await desk.show('bots/amber');
    await page.getByRole('button', { name: 'Check' }).click();
    assert.match(await desk.outcome.innerText(), /The key of amber works/);
  });

  it('works by keyboard alone', async () => {
    await using flock = await TestFlock.open({
      poems: { 'amber.txt': poems['amber.txt'], 'birch.txt': 'b\n' },
    });
    await using desk = await Desk.open(browser, flock);
    const { page } = desk;
    for (const bot of ['amber', 'birch']) {
      assert.equal(await page.evaluate('document.activeElement.textContent'), `Authorize ${bot}`);
      await page.keyboard.press('Enter');
      await page.locator('#screen_name').focus();
      await page.keyboard.type(bot);
      await page.keyboard.press('Enter');
      await desk.outcome.waitFor();
    }
    assert.equal(await page.locator('h1').innerText(), 'All 2 bots have a key.');
  });

  it('needs two clicks for each of forty bots, without a script', async () => {
    const many = Array.from({ length: 40 }, (_, n) => `bot-${String(n).padStart(2, '0')}`);
    await using flock = await TestFlock.open({
      poems: Object.fromEntries(many.map((bot) => [`${bot}.txt`, `the first line of ${bot}\n`])),
      settings: { bots: Object.fromEntries(many.map((bot) => [bot, { account: `poet_${bot.slice(-2)}` }])) },
    });
    await using desk = await Desk.open(browser, flock, { javaScriptEnabled: false });
    const { page } = desk;
    for (const [index, bot] of many.entries()) {
      assert.equal(await page.locator('.next h2').innerText(), `Next: ${bot}`);
      assert.match(await page.locator('.next').innerText(), new RegExp(`the first line of ${bot}`));
      await page.locator('.next').getByRole('button').click();
      // X proposes the account of flock.json.
      await page.getByRole('button', { name: 'Authorize app' }).click();
      await page.locator('.outcome strong', { hasText: `${bot} is @poet_${bot.slice(-2)}` }).waitFor();
      assert.equal(await page.locator('.bot[data-severity="good"]').count(), index + 1);
    }
    assert.equal(await page.locator('h1').innerText(), 'All 40 bots have a key.');
    assert.equal(await page.locator('.next').count(), 0);
    assert.equal((await readdir(flock.file('keys'))).length, 40);
    assert.deepEqual(desk.complaints, []);
  });

  it('offers the same bot again until it has its key, then the one after it', async () => {
    await using flock = await TestFlock.open({ poems });
    await using desk = await Desk.open(browser, flock);
    const next = () => desk.page.locator('.next h2').innerText();
    await desk.authorize('birch', 'birch', 'Cancel');
    assert.equal(await next(), 'Next: birch');
    await desk.authorize('birch', 'birch');
    assert.equal(await next(), 'Next: cinder');
    await desk.authorize('dune', 'dune');
    assert.equal(await next(), 'Next: amber');
  });

  it('goes on where the provider is another site, which gets no cookie sent', async () => {
    await using flock = await TestFlock.open({ poems });
    const elsewhere = flock.x.url.replace('127.0.0.1', 'localhost');
    await using desk = await Desk.open(browser, flock, { env: { KEYMAKER_API_URL: elsewhere } });
    assert.match(await desk.authorize('amber', 'amber'), /^amber is @amber/);
    assert.match(await desk.page.locator('.next').innerText(), /^Next: birch/);
  });

  it('shows another browser, which was sent the link, what came of it and no more', async () => {
    await using flock = await TestFlock.open({ poems });
    await using desk = await Desk.open(browser, flock);
    await desk.begin('amber');
    await using context = await browser.newContext();
    const other = await context.newPage();
    await other.goto(desk.page.url());
    await other.fill('#screen_name', 'amber');
    await other.getByRole('button', { name: 'Authorize app' }).click();
    await other.getByRole('heading', { name: 'Go back to the other browser' }).waitFor();
    assert.doesNotMatch(await other.content(), /birch/);
    await desk.show();
    assert.match(await desk.outcome.innerText(), /^amber is @amber/);
  });

  it('finds bots by state and by name, and refuses a poem without lines', async () => {
    await using flock = await TestFlock.open({ poems: { ...poems, ...fewMore, 'empty.txt': '\n \n' } });
    await flock.giveKey('amber');
    await using desk = await Desk.open(browser, flock, { javaScriptEnabled: false });
    const { page } = desk;
    const shown = () => page.locator('.bot h3').allInnerTexts();
    await page.getByRole('link', { name: 'has a key 1' }).click();
    assert.deepEqual(await shown(), ['amber']);
    await page.getByRole('link', { name: 'all 10' }).click();
    await page.getByRole('searchbox').fill('WHITE on');
    await page.getByRole('button', { name: 'Find' }).click();
    assert.deepEqual(await shown(), ['birch']);
    await page.getByRole('link', { name: 'has a key 1' }).click();
    assert.deepEqual(await shown(), []);
    await page.getByRole('link', { name: 'Show all' }).click();
    await page.getByRole('link', { name: 'unusable poem 1' }).click();
    assert.match(
      await desk.card('empty').innerText(),
      /poems\/empty\.txt has no lines\s+write the poem, one post a line/,
    );
    assert.equal(await page.getByRole('button', { name: /uthorize/ }).count(), 0);
    await desk.card('empty').getByRole('link').click();
    assert.equal(await page.getByRole('button').count(), 0);
  });

  it('says how to begin where there is no poem, and what is wrong with flock.json', async () => {
    await using flock = await TestFlock.open();
    await using desk = await Desk.open(browser, flock);
    const { page } = desk;
    assert.equal(await page.locator('h1').innerText(), 'There are no poems yet.');
    assert.match(await page.locator('.next').innerText(), /Put the poems into poems/);
    await flock.write('poems/amber.txt', 'Amber keeps the gnat\n');
    await page.getByRole('link', { name: 'Load again' }).click();
    assert.equal(await page.locator('.next h2').innerText(), 'Next: amber');
    await flock.write('flock.json', '{"schedule": 7}');
    await desk.show();
    assert.match(await page.locator('main').innerText(), /That did not work\s+.*flock\.json.*schedule/);
  });

  for (const count of [40, 400]) {
    it(`shows ${count} bots on a short page, and axe finds nothing`, async () => {
      const names = Array.from({ length: count }, (_, n) => `bot-${n}`);
      await using flock = await TestFlock.open({
        poems: Object.fromEntries(names.map((bot) => [`${bot}.txt`, `${bot} says so\n`.repeat(100)])),
      });
      for (const bot of names.slice(0, count / 4)) await flock.giveKey(bot);
      await using desk = await Desk.open(browser, flock, { bypassCSP: true });
      assert.equal(await desk.page.locator('.bot').count(), count);
      assert.ok((await desk.page.content()).length < 1000 * count, 'the page is long');
      await desk.examine();
    });
  }

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [360, 1100]) {
      it(`fits a screen of ${width} pixels in ${colorScheme} colours, and axe finds nothing`, async () => {
        await using flock = await TestFlock.open({
          poems: {
            ...poems,
            ...fewMore,
            [`${'long-'.repeat(12)}name.txt`]: `${'w'.repeat(200)}\n`,
            'empty.txt': '',
            'notes.md': 'not a poem',
          },
        });
        await flock.giveKey('amber');
        await flock.write('keys/birch.json', '{"consumer_token": "cut of');
        await using desk = await Desk.open(browser, flock, {
          colorScheme,
          viewport: { width, height: 800 },
          bypassCSP: true,
        });
        const { page } = desk;
        await desk.examine();
        await desk.begin('cinder');
        await desk.signIn('a_name_of_15_xx');
        await page.getByRole('button', { name: /^Yes/ }).waitFor();
        await desk.examine();
        await desk.show();
        assert.match(await page.locator('.next').innerText(), /Is @a_name_of_15_xx the account of cinder\?/);
        await desk.examine();
        await desk.show('bots/amber');
        await page.getByRole('button', { name: 'Check' }).click();
        await desk.outcome.waitFor();
        await desk.examine();
        await desk.show('nowhere');
        await desk.examine();
      });
    }
  }
});

describe('who may use keymaker serve', () => {
  /** A session as a browser has it, and a form's token. */
  async function enter(flock: TestFlock) {
    const keymaker = flock.start('keymaker', ['serve', '--port', '0']);
    const { 0: address } = await keymaker.matching(/^http\S+(?=\r?\n)/m);
    const { origin } = new URL(address);
    const first = await fetch(address, { redirect: 'manual' });
    const cookie = first.headers.getSetCookie()[0] ?? '';
    const page = await fetch(origin, { headers: { cookie: cookie.split(';')[0] ?? '' } });
    const csrf = /name="csrf" value="([^"]+)"/.exec(await page.text())?.[1] ?? '';
    const headers = { cookie: cookie.split(';')[0] ?? '', origin };
    const post = (path: string, fields: Record<string, string>, changed: Record<string, string> = {}) =>
      fetch(`${origin}${path}`, {
        method: 'POST',
        body: new URLSearchParams(fields),
        headers: { ...headers, ...changed },
        redirect: 'manual',
      });
    const get = async (path: string) => (await fetch(`${origin}${path}`, { headers })).text();
    return { address, origin, cookie, csrf, post, get, page };
  }

  it('is the one browser that opened the one-time address', async () => {
    await using flock = await TestFlock.open({ poems });
    const { address, origin, cookie, page } = await enter(flock);
    assert.equal(page.status, 200);
    assert.match(cookie, /^keymaker_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    for (const url of [
      address,
      origin,
      `${origin}/?key=`,
      `${origin}/?key=guess`,
      `${origin}/bots/amber`,
      `${origin}/bots/amber/check`,
    ]) {
      const stranger = await fetch(url, { redirect: 'manual' });
      assert.equal(stranger.status, 403, url);
      assert.doesNotMatch(await stranger.text(), /amber/);
    }
  });

  it('is nobody whose form came from elsewhere', async () => {
    await using flock = await TestFlock.open({ poems });
    await flock.giveKey('amber');
    const { csrf, post, origin } = await enter(flock);
    const elsewhere = { origin: 'https://evil.example' };
    const [noToken, wrongToken, foreign, opaque, stranger] = await Promise.all([
      post('/bots/amber/revoke', {}),
      post('/bots/amber/revoke', { csrf: `${csrf.slice(0, -1)}_` }),
      post('/bots/amber/revoke', { csrf }, elsewhere),
      post('/bots/amber/revoke', { csrf }, { origin: 'null' }),
      post('/bots/amber/revoke', { csrf }, { cookie: '' }),
    ]);
    for (const answer of [noToken, wrongToken, foreign, opaque, stranger]) assert.equal(answer.status, 403);
    assert.deepEqual(await readdir(flock.file('keys')), ['amber.json']);
    assert.equal((await post('/bots/nobody/check', { csrf })).status, 404);
    assert.equal((await post('/bots/amber/explode', { csrf })).status, 404);
    assert.equal((await post('/bots/amber/test-post', { csrf, text: 'x'.repeat(70_000) })).status, 413);
    assert.equal((await post('/bots/amber/check', { csrf }, { origin })).status, 303);
  });

  it('is who answers whose account it is: nothing is stored for anybody else', async () => {
    await using flock = await TestFlock.open({ poems });
    const { origin, csrf, post } = await enter(flock);
    const begin = async (account: string): Promise<string> => {
      const begun = await post('/bots/amber/authorize', { csrf });
      const back = await fetch(await sentBackAs(begun.headers.get('location') ?? '', account), {
        redirect: 'manual',
      });
      assert.equal(back.status, 303);
      return back.headers.get('location') ?? '';
    };
    const earlier = await begin('somebody_else');
    const question = await begin('rain_poems');
    assert.match(question, /^\/account\/[\w-]{43}$/);
    assert.equal((await fetch(`${origin}${earlier}`)).status, 410);
    const shown = await fetch(`${origin}${question}`);
    const html = await shown.text();
    assert.match(html, /Is @rain_poems the account of amber\?/);
    // The page may be seen by whom the provider sent back, but says nothing that lets another browser answer.
    assert.doesNotMatch(html, new RegExp(csrf));
    const yes = { answer: 'yes' };
    const others = [
      post(question, yes, { cookie: '' }),
      post(question, yes, { origin: 'https://evil.example' }),
      post(question, yes, { origin: 'null' }),
    ];
    for (const answer of await Promise.all(others)) assert.equal(answer.status, 403);
    for (const unreadable of [{}, { answer: 'perhaps' }])
      assert.equal((await post(question, unreadable as Record<string, string>)).status, 410);
    assert.equal((await post(`${question}x`, yes)).status, 410);
    assert.equal((await post(earlier, yes)).status, 410);
    assert.deepEqual(await readdir(flock.file('keys')), []);
    const stored = await post(question, yes);
    assert.deepEqual([stored.status, stored.headers.get('location')], [303, '/']);
    assert.deepEqual(await flock.bundle('amber'), flock.granted('amber', 'rain_poems'));
    assert.equal((await post(question, yes)).status, 410);
  });

  it('does not give an account away that another bot has got meanwhile', async () => {
    await using flock = await TestFlock.open({ poems });
    const { csrf, post, get } = await enter(flock);
    const begun = await post('/bots/amber/authorize', { csrf });
    const back = await fetch(await sentBackAs(begun.headers.get('location') ?? '', 'rain_poems'), {
      redirect: 'manual',
    });
    await flock.giveKey('birch', () => flock.granted('birch', 'rain_poems'));
    assert.equal((await post(back.headers.get('location') ?? '', { answer: 'yes' })).status, 303);
    assert.match(await get('/'), /@rain_poems, which is the account of birch already; nothing was changed/);
    assert.deepEqual(await readdir(flock.file('keys')), ['birch.json']);
  });

  it('is not led away from an authorization by an empty callback, nor by two names', async () => {
    await using flock = await TestFlock.open({ poems });
    const { origin, csrf, post } = await enter(flock);
    const begun = await post('/bots/amber/authorize', { csrf });
    assert.equal((await fetch(`${origin}/callback`)).status, 400);
    const { host } = new URL(origin);
    assert.match(await askWithHosts(new URL(origin), [host, 'evil.example']), /^HTTP\/1\.1 400 /);
    const back = await fetch(await sentBackAs(begun.headers.get('location') ?? '', 'amber'));
    assert.equal(back.headers.get('refresh'), '0; url=/returned');
    assert.match(await back.text(), /amber is @amber/);
  });

  it('is told by the policy of every page: no script, no frame, no other address', async () => {
    await using flock = await TestFlock.open({ poems });
    const { page, origin } = await enter(flock);
    for (const answer of [page, await fetch(origin), await fetch(`${origin}/callback`)]) {
      const policy = answer.headers.get('content-security-policy') ?? '';
      assert.match(policy, /default-src 'none'/);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /script-src|unsafe-inline/);
      assert.equal(answer.headers.get('cache-control'), 'no-store');
    }
  });
});
