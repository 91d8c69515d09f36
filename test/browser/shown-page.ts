import { type Browser, type BrowserContext, errors, type Page } from 'playwright-core';
import type { MonitorOptions } from '../../src/web/dashboard/monitor.ts';
import { patience } from './browser.ts';
import { ShownFlock } from '../support/shown-flock.ts';

/** Its page, in a browser of its own. */
export class Shown implements AsyncDisposable {
  readonly flock: ShownFlock;
  readonly page: Page;
  readonly address: string;
  readonly complaints: string[] = [];
  readonly #context: BrowserContext;
  #errors = 0;
  #erred: () => void = () => undefined;

  private constructor(flock: ShownFlock, context: BrowserContext, page: Page, address: string) {
    this.flock = flock;
    this.page = page;
    this.address = address;
    this.#context = context;
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
  }

  static async open(
    browser: Browser,
    flock: ShownFlock,
    { fakeClock = false, ...options }: Parameters<Browser['newContext']>[0] & { fakeClock?: boolean } = {},
    monitor: Partial<MonitorOptions> = {},
  ): Promise<Shown> {
    const address = await flock.listen(monitor);
    const context = await browser.newContext(options);
    context.setDefaultTimeout(patience);
    const shown = new Shown(flock, context, await context.newPage(), address);
    if (fakeClock) await shown.#holdClock();
    await shown.page.goto(address);
    if (options.javaScriptEnabled !== false) await shown.live();
    return shown;
  }

  /** Resolves once the page hears of changes. */
  live(): Promise<void> {
    return this.page.locator('#live[data-live="yes"]').waitFor();
  }

  /** Lets the page's own time run, where it is held. */
  runFor(milliseconds: number): Promise<void> {
    return this.page.clock.runFor(milliseconds);
  }

  /** Resolves once the page has asked for events so often in vain, where its time is held. */
  async refused(times: number): Promise<void> {
    while (this.#errors < times) await new Promise<void>((resolve) => (this.#erred = resolve));
  }

  /** The page's time stands still; only its connections are what they are. */
  async #holdClock(): Promise<void> {
    await this.page.clock.install({ time: this.flock.clock.now() });
    await this.page.exposeFunction('countError', () => {
      this.#errors++;
      this.#erred();
    });
    await this.page.addInitScript(`
      window.EventSource = class extends EventSource {
        constructor(...given) {
          super(...given);
          this.addEventListener('error', () => window.countError());
        }
      };
    `);
    await this.page.clock.pauseAt(this.flock.clock.now() + 1000);
  }

  /** Lets the flock's time run a second at a time until the page shows something. The page gets a moment for each second. */
  async until(selector: string): Promise<void> {
    const end = performance.now() + patience;
    for (;;) {
      try {
        await this.page.locator(selector).first().waitFor({ state: 'attached', timeout: 100 });
        return;
      } catch (error) {
        if (!(error instanceof errors.TimeoutError) || performance.now() > end) throw error;
      }
      await this.flock.clock.runUntil(this.flock.clock.now() + 1000);
    }
  }

  /** The ids of what a selector finds, in their order. */
  ids(selector: string): Promise<string[]> {
    return this.page.evaluate<string[]>(
      `Array.from(document.querySelectorAll(${JSON.stringify(selector)}), ({ id }) => id)`,
    );
  }

  async [Symbol.asyncDispose]() {
    await this.#context.close();
    await this.flock[Symbol.asyncDispose]();
  }
}

const lines = (word: string): string => Array.from({ length: 30 }, (_, n) => `${word} ${n + 1}`).join('\n');

/** Two bots that have posted for two days. */
export async function smallFlock(settings: Record<string, unknown> = {}): Promise<ShownFlock> {
  const flock = new ShownFlock('2026-08-20T00:00:00Z', settings);
  flock.add('amber', lines('Amber keeps the gnat'));
  flock.add('birch', lines('Birch writes white on white'));
  flock.update();
  await flock.until('2026-08-22T08:59:50Z');
  return flock;
}

/** Everything that can go wrong, and every script there is. */
export async function motleyFlock(): Promise<ShownFlock> {
  const flock = new ShownFlock('2026-08-20T00:00:00Z', {
    timezone: 'Europe/Berlin',
    schedule: '0 */3 * * *',
    budget: { usdPerMonth: 3, postsPerDay: 90 },
    bots: {
      resting: { paused: true },
      once: { atEnd: 'stop' },
      capped: { budget: { postsPerDay: 2 } },
      hebrew: { schedule: '0 7 * * *' },
    },
  });
  flock.add('once', 'only this\n');
  flock.add('resting', lines('resting'));
  flock.add(
    'a-bot-with-a-name-so-long-that-nobody-would-ever-give-it-but-somebody-will',
    lines('long'),
    {},
    { account: 'abcdefghijklmno' },
  );
  flock.add('hebrew', 'הַיָּם קוֹרֵא לַחוֹף בְּשֵׁם אַחֵר.\nשָׁלוֹם לַגֶּשֶׁם.\n');
  flock.add('japanese', '灯台は一行だけ書いて、また消す。\n静けさや岩にしみ入る蝉の声\n');
  flock.add('capped', `${'w'.repeat(270)}\nshort\n`);
  flock.add('parked', lines('parked'));
  flock.add('doubtful', lines('doubtful'));
  flock.addInvalid(
    'broken',
    'keys/broken.json: not a key bundle: oauth_token is missing',
    'make it again: keymaker make-keys ./poems --bot broken',
  );
  flock.update();
  await flock.until('2026-08-22T08:30:00Z');
  flock.control('accounts/parked/revoke');
  await flock.until('2026-08-22T09:30:00Z');
  flock.deaf = true;
  await flock.until('2026-08-22T12:01:00Z');
  return flock;
}
