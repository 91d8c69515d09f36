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

  static async open(browser: Browser, flock: TestFlock, options: Parameters<Browser['newContext']>[0] = {}) {
    const keymaker = flock.start('keymaker', ['serve', '--port', '0']);
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

  /** Presses Authorize, and answers the provider's page. */
  async authorize(bot: string, account: string, action = 'Authorize app'): Promise<void> {
    await this.page.goto(this.origin);
    await this.card(bot)
      .getByRole('button', { name: /uthorize/ })
      .click();
    await this.page.fill('#screen_name', account);
    await this.page.getByRole('button', { name: action }).click();
    await this.page.getByRole('link', { name: 'Back to the flock' }).waitFor();
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
    assert.equal(await page.title(), 'Your flock · keymaker');
    assert.equal(await page.locator('.bot').count(), 4);
    await desk.authorize('amber', 'amber');
    assert.equal(await page.locator('h1').innerText(), '✓amber is @amber');
    await desk.authorize('birch', 'birch_too', 'Cancel');
    assert.equal(await page.locator('h1').innerText(), 'Nothing was authorized');
    await desk.authorize('birch', 'birch');
    await desk.authorize('dune', 'somebody_else');
    assert.match(
      await page.locator('main').innerText(),
      /you authorized @somebody_else .* but this bot is @dune_reads/,
    );
    assert.deepEqual(await readdir(flock.file('keys')), ['amber.json', 'birch.json']);
    await desk.authorize('dune', 'dune_reads');
    await desk.authorize('cinder', 'birch');
    assert.match(await page.locator('main').innerText(), /@birch, which is the account of birch already/);
    await page.getByRole('link', { name: 'Back to the flock' }).click();
    assert.equal(await page.locator('h1').innerText(), '3 of 4 bots have their keys');
    assert.equal(await desk.card('dune').locator('.state').innerText(), '@dune_reads');
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
      await page.goto(desk.origin);
      await desk
        .card('amber')
        .getByRole('button', { name: /uthorize/ })
        .click();
      await page.fill('#screen_name', account);
      await page.getByRole('button', { name: 'Authorize app' }).click();
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
    await desk.card('amber').locator('.notice').waitFor();
    assert.match(
      await desk.card('amber').locator('.notice').innerText(),
      /Nothing was stored\s+@rain_poems is not the account of amber, you say\..*fresh link/,
    );
    await page.goto(question);
    assert.equal(await page.locator('h1').innerText(), 'That question was answered');
    assert.deepEqual(await stored(), []);
    // A later key takes the place of an earlier one, and can be answered for on the page of the flock.
    await authorize('rain_poems');
    const earlier = page.url();
    await page.goto(desk.origin);
    assert.match(await desk.card('amber').innerText(), /Is @rain_poems the account of amber\?/);
    await page.goBack();
    await page.goto(earlier);
    await page.getByRole('button', { name: /^Yes/ }).click();
    await desk.card('amber').locator('.notice').waitFor();
    assert.match(
      await desk.card('amber').locator('.notice').innerText(),
      /amber is @rain_poems\s+Its key is stored/,
    );
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
    const notice = desk.card('amber').locator('.notice');
    const more = (name: RegExp) => desk.card('amber').locator('summary').filter({ hasText: name }).click();
    await desk.card('amber').getByRole('button', { name: 'Check' }).click();
    assert.match(await notice.innerText(), /The key of amber works\s+X knows it as @amber\./);
    await more(/test post/);
    await desk.card('amber').getByLabel('Text').fill('Is this on? “Yes” & <b>loud</b>');
    await desk.card('amber').getByRole('button', { name: 'Post it' }).click();
    assert.match(await notice.innerText(), /Posted\s+“Is this on\? “Yes” & <b>loud<\/b>” is on the account/);
    assert.deepEqual(flock.postsOf('amber'), ['Is this on? “Yes” & <b>loud</b>']);
    await more(/test post/);
    await desk.card('amber').getByLabel('Text').fill('and the afternoon');
    await desk.card('amber').getByRole('button', { name: 'Post it' }).click();
    assert.match(await notice.innerText(), /a line of the poem/);
    await more(/Revoke/);
    await desk.card('amber').getByRole('button', { name: 'Revoke the key' }).click();
    assert.match(await notice.innerText(), /The key of amber has ended/);
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
    await desk.card('amber').getByRole('button', { name: 'Check' }).click();
    assert.match(await desk.card('amber').locator('.notice').innerText(), /That did not work/);
    await desk.authorize('amber', 'amber');
    await desk.page.getByRole('link', { name: 'Back to the flock' }).click();
    await desk.card('amber').getByRole('button', { name: 'Check' }).click();
    assert.match(await desk.card('amber').locator('.notice').innerText(), /The key of amber works/);
  });

  it('works by keyboard alone', async () => {
    await using flock = await TestFlock.open({ poems: { 'amber.txt': 'Amber keeps the gnat\n' } });
    await using desk = await Desk.open(browser, flock);
    const { page } = desk;
    await page.keyboard.press('Tab');
    assert.match(String(await page.evaluate('document.activeElement.textContent')), /^Authorize/);
    await page.keyboard.press('Enter');
    await page.locator('#screen_name').focus();
    await page.keyboard.type('amber');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Back to the flock' }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await desk.card('amber').locator('.state').waitFor();
    assert.equal(await desk.card('amber').locator('.state').innerText(), '@amber');
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [360, 1100]) {
      it(`fits a screen of ${width} pixels in ${colorScheme} colours, and axe finds nothing`, async () => {
        await using flock = await TestFlock.open({
          poems: { ...poems, [`${'long-'.repeat(12)}name.txt`]: `${'w'.repeat(200)}\n` },
        });
        await flock.giveKey('amber');
        await flock.write('keys/birch.json', '{"consumer_token": "cut of');
        await using desk = await Desk.open(browser, flock, {
          colorScheme,
          viewport: { width, height: 800 },
          bypassCSP: true,
        });
        const { page } = desk;
        const examine = async (): Promise<void> => {
          assert.equal(
            await page.evaluate('document.documentElement.scrollWidth > window.innerWidth'),
            false,
          );
          const found: unknown = await page.evaluate(
            `${axe}; axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))`,
          );
          assert.deepEqual(found, []);
        };
        await desk.card('cinder').getByRole('button', { name: 'Authorize' }).click();
        await page.fill('#screen_name', 'a_name_of_15_xx');
        await page.getByRole('button', { name: 'Authorize app' }).click();
        await page.getByRole('button', { name: /^Yes/ }).waitFor();
        await examine();
        await page.goto(desk.origin);
        await desk.card('amber').getByRole('button', { name: 'Check' }).click();
        await desk.card('amber').locator('summary').first().click();
        assert.match(await desk.card('cinder').innerText(), /Is @a_name_of_15_xx the account of cinder\?/);
        await examine();
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
    assert.deepEqual([stored.status, stored.headers.get('location')], [303, '/#bot-amber']);
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
