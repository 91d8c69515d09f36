import { html, raw } from 'hono/html';
import { htmlOf, pictureNamed, slugOf, topicNamed, topicNames, topics } from '../manual/manual.ts';
import { type Html, layout } from './layout.ts';
import { addAsset, type WebApp } from './server.ts';

/** Serves the manual below `/manual`. All addresses in its pages are relative: a reverse proxy may have it in a folder. */
export function addManual(app: WebApp): void {
  addAsset(app, '/manual/style.css', 'manual.css');
  app.get('/manual', (c) => c.redirect(`manual/${topicNames[0]}`));
  app.get('/manual/images/:name', (c) => {
    const picture = pictureNamed(c.req.param('name'));
    return picture ? c.body(new Uint8Array(picture), 200, { 'content-type': 'image/png' }) : c.notFound();
  });
  app.get('/manual/:name', (c) => {
    const topic = topicNamed(c.req.param('name'));
    return topic === undefined ? c.notFound() : c.html(manualPage(topic));
  });
}

const manualPage = (topic: keyof typeof topics): Html =>
  layout(
    { title: topics[topic].title, program: 'flockd', style: 'style.css' },
    html`<header>
        <a href="../">The flock</a>
        <nav aria-label="Manual">
          <ul>
            ${topicNames.map(
              (name) =>
                html`<li>
                  <a
                    href="${slugOf(name)}"
                    title="${topics[name].about}"
                    ${name === topic && raw('aria-current="page"')}
                    >${topics[name].title}</a
                  >
                </li>`,
            )}
          </ul>
        </nav>
      </header>
      <main>${raw(htmlOf(topic))}</main>`,
  );
