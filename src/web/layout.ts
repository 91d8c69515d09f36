import { html } from 'hono/html';
import { asset } from '../assets.ts';
import type { WebApp } from './server.ts';

/** Markup that is safe to put into a page as it is. */
export type Html = ReturnType<typeof html>;

interface Layout {
  title: string;
  program: 'keymaker' | 'flockd';
  /** The address of its style sheet. */
  style: string;
  /** The address of its script. */
  script?: string;
  /** Attributes of its body. */
  attributes?: Html;
}

/** A whole page around its content. */
export const layout = ({ title, program, style, script, attributes }: Layout, content: Html): Html =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · ${program}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="${style}" />
        ${script !== undefined && html`<script src="${script}" defer></script>`}
      </head>
      <body ${attributes}>
        ${content}
      </body>
    </html> `;

/** Something to tell a person on a page of its own. */
export interface Message {
  tone: 'good' | 'bad' | 'plain';
  title: string;
  text: string;
}

const keymakerStyle = '/style.css';

/** A page of keymaker. */
export const keymakerPage = (title: string, content: Html): Html =>
  layout({ title, program: 'keymaker', style: keymakerStyle }, content);

/** Serves the style sheet of {@link keymakerPage}. */
export function addKeymakerStyle(app: WebApp): void {
  app.get(keymakerStyle, (c) =>
    c.body(asset('keymaker.css'), 200, { 'content-type': 'text/css; charset=utf-8' }),
  );
}

/** A page of keymaker that says something. @param next - where to go from there, or what can be done */
export const messagePage = ({ tone, title, text }: Message, next?: Html): Html =>
  keymakerPage(
    title,
    html`<main class="card" data-tone="${tone}">
      <p class="brand">keymaker</p>
      <h1>${tone === 'good' && sign('✓')}${tone === 'bad' && sign('!')}${title}</h1>
      <p>${text}</p>
      ${next}
    </main>`,
  );

const sign = (mark: string): Html => html`<span class="sign" aria-hidden="true">${mark}</span>`;
