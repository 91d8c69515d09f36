/** The script of the front page: adds posts as they arrive, and shows times in the reader's time zone. */
export const pageScript = `'use strict';
const list = document.getElementById('posts');
const empty = document.getElementById('empty');
const live = document.getElementById('live');
const maxPosts = 200;
const filter = (new URLSearchParams(location.search).get('account') || '').toLowerCase();

const make = (name, className, ...children) => {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
};

const format = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const showTime = (time) => {
  time.title = time.dateTime;
  time.textContent = format.format(new Date(time.dateTime));
};

const cardOf = (post) => {
  const avatar = make('span', 'avatar hue-' + post.hue, post.initial);
  avatar.setAttribute('aria-hidden', 'true');
  const link = make('a', '', '@' + post.account);
  link.href = '/?account=' + encodeURIComponent(post.account);
  const time = make('time', '');
  time.dateTime = post.instant;
  showTime(time);
  const card = make('article', 'new', avatar,
    make('div', '', make('p', 'by', link, ' ', time), make('p', 'text', post.text)));
  card.id = 'post-' + post.id;
  return card;
};

for (const time of document.querySelectorAll('time')) showTime(time);

const events = new EventSource('/sandbox/events');
events.onopen = () => { live.hidden = false; };
events.onerror = () => { live.hidden = true; };
events.addEventListener('posted', ({ data }) => {
  const post = JSON.parse(data);
  if (filter && post.account.toLowerCase() !== filter) return;
  if (document.getElementById('post-' + post.id)) return;
  empty.hidden = true;
  list.prepend(cardOf(post));
  while (list.children.length > maxPosts) list.lastElementChild.remove();
});
events.addEventListener('deleted', ({ data }) => {
  document.getElementById('post-' + JSON.parse(data).id)?.remove();
});
`;
