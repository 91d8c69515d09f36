/** Markup that is safe to put into a page as it is. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

type Piece = Html | string | number | false | undefined | readonly Piece[];

/** A template whose pieces are escaped unless they are markup themselves; `false` and `undefined` show nothing. */
export function html(strings: TemplateStringsArray, ...pieces: Piece[]): Html {
  return new Html(strings.map((part, n) => part + render(pieces[n])).join(''));
}

function render(piece: Piece): string {
  if (piece === false || piece === undefined) return '';
  if (piece instanceof Html) return piece.markup;
  if (typeof piece === 'object') return piece.map(render).join('');
  return String(piece).replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** A whole page around its content. */
export function layout(title: string, content: Html, scripts = false): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/sandbox/style.css" />
        ${scripts && new Html('<script src="/sandbox/page.js" defer></script>')}
      </head>
      <body>
        ${content}
      </body>
    </html> `.markup;
}

/** How many avatar colours the style sheet has. */
const hues = 8;

/** An account's initial on a colour of its own; decoration, so hidden from screen readers. */
export function avatar(screenName: string): Html {
  return html`<span class="avatar hue-${hueOf(screenName)}" aria-hidden="true"
    >${initialOf(screenName)}</span
  >`;
}

/** Which of the colours a screen name gets, always the same. */
export function hueOf(screenName: string): number {
  // FNV-1a, because plainer sums give the short names of a flock the same few colours.
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(screenName.toLowerCase())) hash = Math.imul(hash ^ byte, 0x01000193);
  return ((hash >>> 16) ^ (hash & 0xffff)) % hues;
}

/** The letter that stands for an account. */
export const initialOf = (screenName: string): string =>
  (screenName.replace(/^_+/, '')[0] ?? '_').toUpperCase();
