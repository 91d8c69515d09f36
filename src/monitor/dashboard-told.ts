import { html } from '../web/html.ts';
import type { LocalAnswer } from '../web/local-exchange.ts';
import { asPage } from './dashboard-page.ts';

export interface Told {
  title: string;
  text: string;
  /** What the person can do about it. */
  hint: string | undefined;
}

/** A page that only says something, for a form that led nowhere. */
export const toldPage = (status: number, { title, text, hint }: Told): LocalAnswer =>
  asPage(
    status,
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <title>${title} · flockd</title>
          <link rel="icon" href="data:," />
          <link rel="stylesheet" href="../dashboard.css" />
        </head>
        <body>
          <main class="told">
            <h1>${title}</h1>
            <p>${text}</p>
            ${hint !== undefined && html`<p>${hint}</p>`}
            <p><a class="button" href="../">Back to the flock</a></p>
          </main>
        </body>
      </html> `.markup,
  );
