/** The script of the front page: adds posts as they arrive, and shows times in the reader's time zone. */

interface Post {
  id: string;
  account: string;
  /** Its card, as the page has it. */
  html: string;
}

const maxPosts = 200;

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

const list = element('posts');
/** The account whose page this is; empty for all. */
const filter = (list.dataset['account'] ?? '').toLowerCase();
const empty = element('empty');
const live = element('live');

const format = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

function showTimes(root: ParentNode): void {
  for (const time of root.querySelectorAll('time')) {
    time.title = time.dateTime;
    time.textContent = format.format(new Date(time.dateTime));
  }
}

showTimes(document);

const events = new EventSource('/sandbox/events');
events.onopen = () => (live.hidden = false);
events.onerror = () => (live.hidden = true);
events.addEventListener('posted', ({ data }: MessageEvent<string>) => {
  const { id, account, html } = JSON.parse(data) as Post;
  if (filter !== '' && account.toLowerCase() !== filter) return;
  if (document.getElementById(`post-${id}`)) return;
  empty.hidden = true;
  list.insertAdjacentHTML('afterbegin', html);
  const card = element(`post-${id}`);
  card.classList.add('new');
  showTimes(card);
  while (list.children.length > maxPosts) list.lastElementChild?.remove();
});
events.addEventListener('deleted', ({ data }: MessageEvent<string>) => {
  const { id } = JSON.parse(data) as Pick<Post, 'id'>;
  document.getElementById(`post-${id}`)?.remove();
});
