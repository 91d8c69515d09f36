/**
 * The script of the dashboard and of the pages of bots: shows what has changed, and how far away instants are as time goes on. A
 * node that has not changed stays the node it was, with its focus, its selection and its place. Where flockd does not answer, the
 * page says so, and its times stand still. Its forms are sent, and bots are found, without leaving the page; that works without
 * the script, too.
 */
import { Idiomorph } from 'idiomorph';
import { awayFrom } from './away.ts';

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

const { version = '', edition = '', now = '', timezone } = document.body.dataset;
// The reader's clock may be wrong; flockd's is the one that counts.
const ahead = Date.parse(now) - Date.now();
/** The address of the page of the flock, in whatever folder a reverse proxy has put it. */
const root = new URL(
  '.',
  document.currentScript instanceof HTMLScriptElement ? document.currentScript.src : location.href,
);
const live = element('live');
const notice = element('notice');

function put(place: Element, text: string): void {
  if (place.textContent !== text) place.textContent = text;
}

/** When flockd answered last, where it does not answer: how things stood then is all that is known. */
let lostSince: number | undefined;

function showAway(time: HTMLTimeElement): void {
  const current = (lostSince ?? Date.now()) + ahead;
  const instant = Date.parse(time.dateTime);
  const isLate = time.dataset['away'] === 'due' && instant <= current;
  put(time, isLate ? 'due now' : awayFrom(current, instant));
}

function showTimes(part: ParentNode = document): void {
  for (const time of part.querySelectorAll<HTMLTimeElement>('time[data-away]')) showAway(time);
}

const clock = new Intl.DateTimeFormat('en-GB', {
  timeZone: timezone,
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
});

const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]');

/** The title and the icon of the tab as flockd has sent them. */
const tab = { title: document.title, icon: icon?.href ?? '' };

/** Trouble shows in the tab, too: how many bots need a person, or that flockd does not answer. */
function showTab(): void {
  const isLost = live.dataset['live'] === 'no' && lostSince !== undefined;
  document.title = isLost ? `(!) ${tab.title.replace(/^\([\d,]+\) /, '')}` : tab.title;
  const shown = isLost ? icon?.dataset['lost'] : tab.icon;
  if (icon && shown !== undefined && icon.href !== shown) icon.href = shown;
}

function showConnected(): void {
  clearTimeout(doubt);
  doubt = undefined;
  lostSince = undefined;
  live.dataset['live'] = document.body.dataset['live'] = 'yes';
  put(live, 'live');
  put(element('lost'), '');
  showTimes();
  showTab();
}

function showLost(): void {
  const last = clock.format((lostSince ?? Date.now()) + ahead).replace(',', '');
  live.dataset['live'] = document.body.dataset['live'] = 'no';
  put(live, `not connected since ${last}`);
  put(element('lost'), `flockd does not answer: this is how the flock stood at ${last}.`);
  showTimes();
  showTab();
}

/** The button of a form that is on its way; so it stays until flockd has answered. */
const isBusy = (form: Element): boolean => form.querySelector('button[aria-busy]') !== null;

const fieldsOf = (form: HTMLFormElement, button?: HTMLButtonElement): string => {
  const fields = [...new FormData(form, button)].filter((field): field is [string, string] => {
    return typeof field[1] === 'string';
  });
  return new URLSearchParams(fields).toString();
};

/** Makes the page what a newer one is. */
function morph(page: Document): void {
  const [old, main] = [document.querySelector('main'), page.querySelector('main')];
  if (!old || !main) return;
  showTimes(main);
  void Idiomorph.morph(old, main, {
    callbacks: {
      // What the reader has done to the page is not undone: an opened table stays open, a ticked box ticked,
      // and what is being typed is not replaced by what was looked for before.
      beforeAttributeUpdated: (name, node) =>
        name !== 'open' && name !== 'checked' && !(name === 'value' && node === document.activeElement),
      beforeNodeMorphed(from, to) {
        const isSame =
          from instanceof HTMLFormElement &&
          to instanceof HTMLFormElement &&
          from.action === to.action &&
          fieldsOf(from) === fieldsOf(to);
        return !(isSame && isBusy(from));
      },
      beforeNodeAdded(node) {
        if (node instanceof HTMLLIElement && isLive) node.classList.add('arrives');
        return true;
      },
    },
  });
  tab.title = page.title;
  tab.icon = page.querySelector<HTMLLinkElement>('link[rel=icon]')?.href ?? tab.icon;
  showTab();
}

/** Whether what is new on the page has just happened, and was not just looked for. */
let isLive = true;

/** What the page shows: a version of the flock, and the bots that are looked for. */
const placeNow = (): string => location.pathname + location.search;
let shown = version;
let shownPlace = placeNow();
let wanted = version;
let isRefreshing = false;

async function refresh(): Promise<void> {
  if (isRefreshing) return;
  isRefreshing = true;
  try {
    while (shown !== wanted || shownPlace !== placeNow()) {
      const [newest, place] = [wanted, placeNow()];
      const answer = await fetch(place);
      // A bot that is gone has a page that says so.
      if (!answer.ok && answer.status !== 404) throw new Error(`flockd answered ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      if (page.body.dataset['edition'] !== edition) {
        location.reload();
        return;
      }
      isLive = place === shownPlace;
      if (place === placeNow()) morph(page);
      [shown, shownPlace] = [newest, place];
    }
  } catch {
    // There may be too many connections just now.
    setTimeout(() => void refresh(), 5000);
  } finally {
    isRefreshing = false;
  }
}

let events: EventSource | undefined;
let doubt: ReturnType<typeof setTimeout> | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;

function listen(): void {
  clearTimeout(retry);
  events?.close();
  if (document.hidden) return;
  const source = new EventSource(new URL(`events?since=${shown}&edition=${edition}`, root));
  events = source;
  source.onopen = showConnected;
  source.addEventListener('changed', ({ lastEventId }: MessageEvent<string>) => {
    wanted = lastEventId;
    void refresh();
  });
  source.addEventListener('stale', () => {
    source.close();
    location.reload();
  });
  source.onerror = () => {
    lostSince ??= Date.now();
    doubt ??= setTimeout(showLost, 5000);
    // A browser tries again by itself, but not where it was refused.
    if (source.readyState === EventSource.CLOSED) retry = setTimeout(listen, 10_000);
  };
}

let hush: ReturnType<typeof setTimeout> | undefined;

function say(text: string): void {
  clearTimeout(hush);
  put(notice, text);
}

async function textOf(answer: Response): Promise<string> {
  const { body } = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const parts = [...body.querySelectorAll('main > p:not(:has(a))')].map((part) => part.textContent);
  return parts.length > 0 ? parts.join('. ') : body.textContent.trim();
}

async function send(form: HTMLFormElement, button: HTMLButtonElement): Promise<void> {
  const order = button.textContent;
  const done = (): void => {
    button.removeAttribute('aria-busy');
  };
  button.setAttribute('aria-busy', 'true');
  say(`${order} …`);
  try {
    const body = new URLSearchParams(fieldsOf(form, button));
    const answer = await fetch(form.action, { method: 'POST', body, headers: { accept: 'text/plain' } });
    if (answer.ok) {
      say(await answer.text());
      hush = setTimeout(say, 10_000, '');
      // Until then the page is told what the button is now.
      setTimeout(done, 6000);
      return;
    }
    say(`${order}: ${await textOf(answer)}`);
  } catch {
    say(
      `${order}: flockd does not answer. Whether that was done is to be seen once this page is live again.`,
    );
  }
  done();
}

document.addEventListener('submit', (event) => {
  event.preventDefault();
  const form = event.target;
  if (!(form instanceof HTMLFormElement)) return;
  if (form.method === 'get') {
    look(`${form.action}?${fieldsOf(form)}`, 'push');
    return;
  }
  const button = event.submitter ?? form.querySelector('button');
  if (button instanceof HTMLButtonElement && !isBusy(form)) void send(form, button);
});

/** Shows the bots that an address looks for. @param how - whether it is a step that the reader can go back */
function look(address: string, how: 'push' | 'replace'): void {
  const url = new URL(address);
  if (url.searchParams.get('q') === '') url.searchParams.delete('q');
  if (how === 'push') history.pushState(null, '', url);
  else history.replaceState(null, '', url);
  void refresh();
}

let typed: ReturnType<typeof setTimeout> | undefined;

document.addEventListener('input', ({ target }) => {
  if (!(target instanceof HTMLInputElement) || target.type !== 'search' || !target.form) return;
  const { form } = target;
  clearTimeout(typed);
  typed = setTimeout(() => look(`${form.action}?${fieldsOf(form)}`, 'replace'), 100);
});

document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (link?.dataset['filter'] === undefined) return;
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  look(link.href, 'push');
  if (!link.closest('.finder')) document.getElementById(link.hash.slice(1))?.scrollIntoView();
});

document.addEventListener('keydown', (event) => {
  const search = document.querySelector<HTMLInputElement>('input[type=search]');
  const isTyping = event.target instanceof HTMLInputElement;
  if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey || !search) return;
  event.preventDefault();
  search.focus();
  search.scrollIntoView({ block: 'nearest' });
});

addEventListener('popstate', () => void refresh());

document.body.classList.add('scripted');
showTimes();
setInterval(showTimes, 15_000);
listen();
// Nobody looks at a page in the background.
document.addEventListener('visibilitychange', () => {
  showTimes();
  listen();
});
