import { asset } from '../assets.ts';
import { html, type Html } from './html.ts';
import type { LocalAnswer } from './server.ts';

/** Something to tell a person on a page of its own. */
export interface Message {
  mood: 'good' | 'bad' | 'plain';
  title: string;
  text: string;
}

/** A page that says something. @param next - where to go from there, or what can be done */
export function messagePage(
  { mood, title, text }: Message,
  next?: { to: string; name: string } | Html,
): string {
  return layout(
    title,
    html`<main class="card" data-mood="${mood}">
      <p class="brand">keymaker</p>
      <h1>${mood === 'good' && sign('✓')}${mood === 'bad' && sign('!')}${title}</h1>
      <p>${text}</p>
      ${next && ('to' in next ? html`<p><a class="button" href="${next.to}">${next.name}</a></p>` : next)}
    </main>`,
  );
}

const sign = (mark: string): Html => html`<span class="sign" aria-hidden="true">${mark}</span>`;

/** A whole page around its content. */
export function layout(title: string, content: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · keymaker</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        ${content}
      </body>
    </html> `.markup;
}

/**
 * An answer that is a page. It runs no script and is shown in no frame.
 *
 * @param formTarget - an origin that its forms may lead to, besides its own
 */
export function page(
  status: number,
  body: string,
  headers: Record<string, string> = {},
  formTarget = '',
): LocalAnswer {
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    'img-src data:',
    `form-action 'self' ${formTarget}`.trim(),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return {
    status,
    headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy, ...headers },
    body,
  };
}

/** The answer that is the style sheet. */
export const styleSheet = (): LocalAnswer => ({
  status: 200,
  headers: { 'content-type': 'text/css; charset=utf-8' },
  body: asset('keymaker.css'),
});
