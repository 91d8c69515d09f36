/**
 * The script of the dashboard: shows what has changed, and how far away instants are as time goes on. A node that has not
 * changed stays the node it was, with its focus, its selection and its place. Where flockd does not answer, the page says so,
 * and its times stand still. Its forms are sent without leaving the page; they work without the script, too.
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

function showConnected(): void {
  clearTimeout(doubt);
  doubt = undefined;
  lostSince = undefined;
  live.dataset['live'] = document.body.dataset['live'] = 'yes';
  put(live, 'live');
  put(element('lost'), '');
  showTimes();
}

function showLost(): void {
  const last = clock.format((lostSince ?? Date.now()) + ahead).replace(',', '');
  live.dataset['live'] = document.body.dataset['live'] = 'no';
  put(live, `not connected since ${last}`);
  put(element('lost'), `flockd does not answer: this is how the flock stood at ${last}.`);
  showTimes();
}

/** The button of a form that is on its way; so it stays until flockd has answered. */
const isBusy = (form: Element): boolean => form.querySelector('button[aria-busy]') !== null;

const fieldsOf = (form: HTMLFormElement): string => {
  const fields = [...new FormData(form)].filter((field): field is [string, string] => {
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
      // What the reader has done to the page is not undone: an opened table stays open.
      beforeAttributeUpdated: (name) => name !== 'open',
      beforeNodeMorphed(from, to) {
        const isSame =
          from instanceof HTMLFormElement &&
          to instanceof HTMLFormElement &&
          from.action === to.action &&
          fieldsOf(from) === fieldsOf(to);
        return !(isSame && isBusy(from));
      },
      beforeNodeAdded(node) {
        if (node instanceof HTMLLIElement) node.classList.add('arrives');
        return true;
      },
    },
  });
}

let shown = version;
let isRefreshing = false;
let wanted = version;

async function refresh(): Promise<void> {
  if (isRefreshing) return;
  isRefreshing = true;
  try {
    while (shown !== wanted) {
      const newest = wanted;
      const answer = await fetch(location.pathname);
      if (!answer.ok) throw new Error(`flockd answered ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      if (page.body.dataset['edition'] !== edition) {
        location.reload();
        return;
      }
      morph(page);
      shown = newest;
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
  const source = new EventSource(`events?since=${shown}&edition=${edition}`);
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
    const body = new URLSearchParams(fieldsOf(form));
    const answer = await fetch(form.action, { method: 'POST', body, redirect: 'manual' });
    if (answer.type === 'opaqueredirect') {
      say(`${order}: carried out.`);
      hush = setTimeout(say, 6000, '');
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
  if (!(form instanceof HTMLFormElement) || isBusy(form)) return;
  const button = form.querySelector('button');
  if (button) void send(form, button);
});

showTimes();
setInterval(showTimes, 15_000);
listen();
// Nobody looks at a page in the background.
document.addEventListener('visibilitychange', () => {
  showTimes();
  listen();
});
