import { html } from 'hono/html';
import { addAsset, openWebServer, webApp, type WebApp } from './server.ts';

/*
 * What pages share: the layout of all, and of keymaker's the style sheet, the page with a message, and the server.
 */

/** Markup that is safe to put into a page as it is. */
export type Html = ReturnType<typeof html>;

interface Layout {
  title: string;
  program: 'keymaker' | 'flockd';
  /** The address of its style sheet. */
  style: string;
  /** The address of its script. */
  script?: string;
  /** The link to its icon. */
  icon?: Html;
  /** Attributes of its body. */
  attributes?: Html;
}

/** A whole page around its content. */
export const layout = ({ title, program, style, script, icon, attributes }: Layout, content: Html): Html =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · ${program}</title>
        ${icon ?? html`<link rel="icon" href="data:," />`}
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

const messageIn =
  (tone: Message['tone']) =>
  (title: string, text: string): Message => ({ tone, title, text });

export const good = messageIn('good');
export const bad = messageIn('bad');
export const plain = messageIn('plain');

const keymakerStyle = '/style.css';

/** A page of keymaker. */
export const keymakerPage = (title: string, content: Html): Html =>
  layout({ title, program: 'keymaker', style: keymakerStyle }, content);

/** A page of keymaker that says something. @param next - where to go from there, or what can be done */
export const messagePage = ({ tone, title, text }: Message, next?: Html): Html =>
  keymakerPage(
    title,
    html`<header class="masthead"><p class="brand">keymaker</p></header>
      <main class="message" data-tone="${tone}">
        <h1>${title}</h1>
        <p>${text}</p>
        ${next}
      </main>`,
  );

/** Bytes. */
const maxBody = 64 * 1024;

/** How long the last pages may take to reach their readers when the server closes. Milliseconds. */
const grace = 2000;

/**
 * Serves pages of keymaker on 127.0.0.1.
 *
 * @param port - 0 takes any that is free
 * @param failed - called with an error that no route expects
 * @param allow - `formTargets`: the origins that forms may lead to, besides their own
 * @throws {FlockError} `unavailable` if the port cannot be had
 */
export function openKeymakerServer(
  port: number,
  failed: (error: unknown) => void,
  addRoutes: (app: WebApp) => void,
  allow: { formTargets?: () => Iterable<string> } = {},
): ReturnType<typeof openWebServer> {
  const app = webApp({ allow, maxBody, failed, errorsAreIn: 'the terminal' });
  addAsset(app, keymakerStyle, 'keymaker.css');
  addRoutes(app);
  const address = { kind: 'port', host: '127.0.0.1', port, flag: '--port' } as const;
  return openWebServer(app, { address, grace, failed });
}
