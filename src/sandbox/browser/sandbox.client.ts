/** The front page: adds posts as they arrive and shows times in the reader's own zone. */

interface Post {
  id: string;
  account: string;
  hue: number;
  initial: string;
  instant: string;
  text: string;
}

const most = 200;
const only = (new URLSearchParams(location.search).get('account') ?? '').toLowerCase();

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

const list = element('posts');
const empty = element('empty');
const live = element('live');

function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

const format = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

function showTime(time: HTMLTimeElement): void {
  time.title = time.dateTime;
  time.textContent = format.format(new Date(time.dateTime));
}

function cardOf({ id, account, hue, initial, instant, text }: Post): HTMLElement {
  const avatar = make('span', `avatar hue-${hue}`, initial);
  avatar.setAttribute('aria-hidden', 'true');
  const link = make('a', '', `@${account}`);
  link.href = `/?account=${encodeURIComponent(account)}`;
  const time = make('time', '');
  time.dateTime = instant;
  showTime(time);
  const body = make('div', '', make('p', 'by', link, ' ', time), make('p', 'text', text));
  const card = make('article', 'new', avatar, body);
  card.id = `post-${id}`;
  return card;
}

for (const time of document.querySelectorAll('time')) showTime(time);

const events = new EventSource('/sandbox/events');
events.onopen = () => (live.hidden = false);
events.onerror = () => (live.hidden = true);
events.addEventListener('posted', ({ data }: MessageEvent<string>) => {
  const post = JSON.parse(data) as Post;
  if (only !== '' && post.account.toLowerCase() !== only) return;
  if (document.getElementById(`post-${post.id}`)) return;
  empty.hidden = true;
  list.prepend(cardOf(post));
  while (list.children.length > most) list.lastElementChild?.remove();
});
events.addEventListener('deleted', ({ data }: MessageEvent<string>) => {
  const { id } = JSON.parse(data) as Pick<Post, 'id'>;
  document.getElementById(`post-${id}`)?.remove();
});
