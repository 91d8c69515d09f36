/**
 * The page's script: takes in what has changed, and says how far away instants are as time goes on. A node that has not changed
 * stays the node it was, with its focus, its selection and its place. Where flockd does not answer any more, the page says so, and its times stand
 * still. Its forms are sent without leaving the page; they work without the script, too.
 */
export const dashboardScript = `'use strict';
const { version, edition, now: begun, timezone } = document.body.dataset;
// The reader's clock may be wrong; flockd's is the one that counts.
const ahead = Date.parse(begun) - Date.now();
const live = document.getElementById('live');
const lost = document.getElementById('lost');
const said = document.getElementById('said');

const minute = 60000, hour = 60 * minute, day = 24 * hour;
const awayFrom = (now, instant) => {
  const away = Math.abs(instant - now);
  if (away < 45000) return instant >= now ? 'now' : 'just now';
  const far =
    away < 90 * minute ? Math.round(away / minute) + ' min'
    : away < 36 * hour ? Math.round(away / hour) + ' h'
    : Math.round(away / day) + ' days';
  return instant > now ? 'in ' + far : far + ' ago';
};

// When flockd was heard of last, where it is not heard of: how things stood then is all that is known.
let since;
const sayWhen = (time) => {
  const now = (since ?? Date.now()) + ahead;
  const instant = Date.parse(time.dateTime);
  const text = time.dataset.away === 'due' && instant <= now ? 'due now' : awayFrom(now, instant);
  if (time.textContent !== text) time.textContent = text;
};
const sayAll = () => {
  for (const time of document.querySelectorAll('time[data-away]')) sayWhen(time);
};

// What the reader has done to a page is not undone: an opened table stays open.
const ofReader = new Set(['open']);

const morphAttributes = (from, to) => {
  for (const { name } of [...from.attributes])
    if (!to.hasAttribute(name) && !ofReader.has(name)) from.removeAttribute(name);
  for (const { name, value } of [...to.attributes])
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
};

const isAlike = (from, to) =>
  from.nodeType === to.nodeType && from.nodeName === to.nodeName && (from.id || '') === (to.id || '');

const morph = (from, to) => {
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  if (from.isEqualNode(to)) return;
  morphAttributes(from, to);
  if (from.nodeName === 'TIME') { sayWhen(from); return; }
  const olds = [...from.childNodes];
  const news = [...to.childNodes];
  news.forEach((next, index) => {
    const old = olds[index];
    if (!old) from.append(next);
    else if (isAlike(old, next)) morph(old, next);
    else old.replaceWith(next);
  });
  for (const old of olds.slice(news.length)) old.remove();
};

const made = (markup) => {
  const template = document.createElement('template');
  // Parts of a drawing are known as such only inside of one.
  if (!markup.startsWith('<g')) template.innerHTML = markup;
  else template.innerHTML = '<svg>' + markup + '</svg>';
  const { firstElementChild: made } = template.content;
  return made.nodeName === 'svg' ? made.firstElementChild : made;
};

const arrange = (list, ids, fresh) => {
  let place = list.firstElementChild;
  for (const id of ids) {
    if (place && place.id === id) { place = place.nextElementSibling; continue; }
    const known = document.getElementById(id);
    const child = known || fresh.get(id);
    if (!child) continue;
    const focused = known && known.contains(document.activeElement) ? document.activeElement : undefined;
    if (!known) {
      child.classList.add('arrives'); for (const time of child.querySelectorAll('time')) sayWhen(time);
    }
    list.insertBefore(child, place);
    if (focused) focused.focus({ preventScroll: true });
  }
};

const take = ({ regions, lists }) => {
  const fresh = new Map();
  for (const [id, markup] of Object.entries(regions)) {
    const next = made(markup);
    const known = document.getElementById(id);
    if (known) morph(known, next);
    else fresh.set(id, next);
  }
  for (const [id, ids] of Object.entries(lists)) {
    const list = document.getElementById(id);
    if (list) arrange(list, ids, fresh);
  }
  // A child that went to another list has left this one by now.
  for (const [id, ids] of Object.entries(lists)) {
    const wanted = new Set(ids);
    for (const child of [...(document.getElementById(id)?.children ?? [])]) if (!wanted.has(child.id)) child.remove();
  }
  sayAll();
};

const clock = new Intl.DateTimeFormat('en-GB', {
  timeZone: timezone, weekday: 'short', hour: '2-digit', minute: '2-digit', timeZoneName: 'short',
});
const put = (place, text) => { if (place.textContent !== text) place.textContent = text; };
let doubt;
const say = (state) => {
  clearTimeout(doubt);
  doubt = undefined;
  if (state === 'yes') since = undefined;
  live.dataset.live = document.body.dataset.live = state;
  const last = since && clock.format(since + ahead).replace(',', '');
  put(live, state === 'yes' ? 'live' : 'not connected since ' + last);
  put(lost, state === 'yes' ? '' : 'flockd does not answer: this is how the flock stood at ' + last + '.');
  sayAll();
};

let last = version;
let events;
let retry;
const listen = () => {
  clearTimeout(retry);
  events?.close();
  if (document.hidden) return;
  events = new EventSource('events?since=' + last + '&edition=' + edition);
  events.onopen = () => say('yes');
  events.onmessage = ({ data, lastEventId }) => { last = lastEventId; take(JSON.parse(data)); };
  events.addEventListener('stale', () => { events.close(); location.reload(); });
  events.onerror = () => {
    // A browser tries again by itself, but not where it was refused.
    since ??= Date.now();
    doubt ??= setTimeout(say, 5000, 'no');
    if (events.readyState === EventSource.CLOSED) retry = setTimeout(listen, 10000);
  };
};

let hush;
const tell = (text) => { clearTimeout(hush); put(said, text); };
const wordsOf = async (answer) => {
  const { body } = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const parts = [...body.querySelectorAll('main > p:not(:has(a))')].map((part) => part.textContent);
  return parts.length > 0 ? parts.join('. ') : body.textContent.trim();
};
document.addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector('button');
  if (button.matches('[aria-busy]')) return;
  const order = button.textContent;
  const done = () => button.removeAttribute('aria-busy');
  // The next event about it makes the button what it is then.
  button.setAttribute('aria-busy', 'true');
  tell(order + ' …');
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.action, { method: 'POST', body, redirect: 'manual' });
    if (answer.type === 'opaqueredirect') {
      tell(order + ': carried out.');
      hush = setTimeout(tell, 6000, '');
      setTimeout(done, 6000);
      return;
    }
    tell(order + ': ' + (await wordsOf(answer)));
  } catch {
    tell(order + ': flockd does not answer. Whether that was done is to be seen once this page is live again.');
  }
  done();
});

sayAll();
setInterval(sayAll, 15000);
listen();
// Nobody looks at a page in the background.
document.addEventListener('visibilitychange', () => { sayAll(); listen(); });
`;
