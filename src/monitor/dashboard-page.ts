import type { FlockView } from '../flock/view.ts';
import { html, type Html } from '../web/html.ts';
import type { LocalAnswer } from '../web/local-exchange.ts';
import { botRegions, botsLeft, keylessOf } from './dashboard-bots.ts';
import { calendarOf, calendarParts } from './dashboard-calendar.ts';
import { flockControls, type FormToken } from './dashboard-controls.ts';
import { factsOf, summaryOf } from './dashboard-glance.ts';
import { lineRegions } from './dashboard-lines.ts';
import { spendingOf } from './dashboard-spending.ts';
import { troublesOf } from './dashboard-troubles.ts';
import { atClock } from './dashboard-words.ts';
import type { Region, Regions } from './regions.ts';

/** Lines that are shown at once; those before them, where somebody wants them. */
const firstLines = 7;

/** Everything on the page that changes. @param token - what its forms carry, where it has any */
export function regionsOf(view: FlockView, token: FormToken): Regions {
  const calendar = calendarParts(view);
  const single: Region[] = [
    { id: 'summary', html: html`<p id="summary" class="summary" role="status">${summaryOf(view)}</p>` },
    { id: 'flock-controls', html: html`<div id="flock-controls">${flockControls(view, token)}</div>` },
    { id: 'facts', html: factsOf(view) },
    { id: 'troubles', html: troublesOf(view) },
    calendar.sentence,
    calendar.months,
    { id: 'spending', html: spendingOf(view) },
    { id: 'bots-left', html: botsLeft(view) },
    { id: 'keyless', html: keylessOf(view) },
    { id: 'no-lines', html: noLines(view) },
  ];
  const lines = lineRegions(view);
  const lists = [
    { id: 'lines', regions: lines.slice(0, firstLines) },
    { id: 'earlier', regions: lines.slice(firstLines) },
    { id: 'bots', regions: botRegions(view, token) },
    { id: 'calendar-weeks', regions: calendar.weeks },
    { id: 'calendar-rows', regions: calendar.rows },
  ];
  return { single, lists };
}

const noLines = ({ recent }: FlockView): Html =>
  recent.length > 0
    ? html`<p id="no-lines" hidden></p>`
    : html`<p id="no-lines" class="more">No line has been posted yet. The first will stand here.</p>`;

export interface DashboardPage {
  view: FlockView;
  regions: Regions;
  /** Of the regions, so that the page is told what changes from then on. */
  version: string;
  /** Tells this page's script and style from those of another flockd. */
  edition: string;
}

/** The whole page. */
export const dashboardPage = ({ view, regions, version, edition }: DashboardPage): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>The flock · flockd</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="dashboard.css" />
        <script src="dashboard.js" defer></script>
      </head>
      <body
        data-version="${version}"
        data-edition="${edition}"
        data-now="${view.now}"
        data-timezone="${view.timezone}"
      >
        <header class="masthead">
          <h1>flockd <span class="unseen">: the flock</span></h1>
          <p class="live" id="live" data-live="no">as of ${atClock(view.now, view.timezone, view.now)}</p>
        </header>
        ${contentOf(view, regions)}
        <p id="said" class="said" role="status"></p>
        <footer class="colophon">
          <p>flockd ${view.version}. Days and months by the clock of ${view.timezone}.</p>
        </footer>
      </body>
    </html> `.markup;

function contentOf(view: FlockView, { single, lists }: Regions): Html {
  const parts = new Map<string, Html | Html[]>([
    ...single.map(({ id, html }) => [id, html] as const),
    ...lists.map(({ id, regions }) => [id, regions.map(({ html }) => html)] as const),
  ]);
  const section = (name: string, title: string, content: Html): Html =>
    html`<section class="${name}" aria-labelledby="${name}-name">
      <h2 id="${name}-name">${title}</h2>
      ${content}
    </section>`;
  return html`<main>
    <div class="opening">
      ${parts.get('summary')}
      <p id="lost" class="lost" role="status"></p>
      ${parts.get('flock-controls')}
    </div>
    ${parts.get('troubles')} ${parts.get('facts')}
    <div class="spread">
      ${section(
        'lately',
        'The last lines',
        html`${parts.get('no-lines')}
          <ol id="lines" class="lines" role="list">
            ${parts.get('lines')}
          </ol>
          <details id="before">
            <summary>Lines before these</summary>
            <ol id="earlier" class="lines" role="list">
              ${parts.get('earlier')}
            </ol>
          </details>`,
      )}
      <div class="aside">
        ${section('days', 'The calendar', calendarOf(calendarParts(view)))}
        ${section('spent', 'Spending', html`${parts.get('spending')}`)}
      </div>
    </div>
    ${section(
      'roll',
      'The bots',
      html`<ul id="bots" class="bots" role="list">
          ${parts.get('bots')}
        </ul>
        ${parts.get('bots-left')} ${parts.get('keyless')}`,
    )}
  </main>`;
}

const policy = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The answer that is a page. It runs no script but its own file, and is shown in no frame. */
export const asPage = (status: number, body: string | Buffer): LocalAnswer => ({
  status,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy,
    'cross-origin-resource-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
  },
  body,
});
