import type { FlockView, PostView } from '../flock/view.ts';
import { html, type Html } from '../web/html.ts';
import { away } from './dashboard-words.ts';
import type { Region } from './regions.ts';

/** The last posts, each as it reads; newest first. */
export const lineRegions = ({ recent, now }: FlockView): Region[] =>
  recent.map((post) => {
    const id = `line-${post.bot}-${Date.parse(post.at)}`;
    return { id, html: lineOf(post, id, now) };
  });

function lineOf({ bot, at, line, lines, text, url }: PostView, id: string, now: string): Html {
  const place = lines === 1 ? `line ${line}` : `lines ${line} to ${line + lines - 1}`;
  return html`<li id="${id}">
    ${
      text === undefined
        ? html`<p class="gone">A line that is not in the poem any more.</p>`
        : html`<blockquote dir="auto" lang="">${text}</blockquote>`
    }
    <p class="by">
      <cite>${bot}</cite>, ${place},
      ${url === undefined ? away(now, at) : html`<a href="${url}" rel="noreferrer">${away(now, at)}<span class="unseen">, on X</span></a>`}
    </p>
  </li>`;
}
