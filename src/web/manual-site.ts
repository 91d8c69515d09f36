import { html, raw } from 'hono/html';
import { htmlOf, slugOf, type Topic, topicNamed, topicNames, topics } from '../manual/manual.ts';
import { type Html, layout } from './layout.ts';
import { addAsset, type WebApp } from './server.ts';

/** Serves the manual below `/manual`. All addresses in its pages are relative: a reverse proxy may have it in a folder. */
export function addManual(app: WebApp): void {
  addAsset(app, '/manual/style.css', 'manual.css');
  app.get('/manual', (c) => c.redirect(`manual/${topicNames[0]}`));
  app.get('/manual/:name', (c) => {
    const topic = topicNamed(c.req.param('name'));
    return topic === undefined ? c.notFound() : c.html(manualPage(topic));
  });
}

/** The names of pages that are not just their topic with a capital letter. */
const titles: Partial<Record<Topic, string>> = {
  'flock.json': 'flock.json',
  promise: 'The promise',
  faq: 'Questions',
};
const titleOf = (topic: Topic): string => titles[topic] ?? topic.charAt(0).toUpperCase() + topic.slice(1);

const manualPage = (topic: Topic): Html =>
  layout(
    { title: titleOf(topic), program: 'flockd', style: 'style.css' },
    html`<header>
        <a href="../">The flock</a>
        <nav aria-label="Manual">
          <ul>
            ${topicNames.map(
              (name) =>
                html`<li>
                  <a
                    href="${slugOf(name)}"
                    title="${topics[name]}"
                    ${name === topic && raw('aria-current="page"')}
                    >${titleOf(name)}</a
                  >
                </li>`,
            )}
          </ul>
        </nav>
      </header>
      <main>${raw(htmlOf(topic))}</main>`,
  );
