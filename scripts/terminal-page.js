import { stripVTControlCharacters } from 'node:util';

/** The colours of a terminal, by the numbers that select them. @see ECMA-48, SGR */
const colors = {
  31: '#f2a57c',
  32: '#86d0a5',
  33: '#e6c983',
  34: '#8fb4e0',
  35: '#d3a3d6',
  36: '#93c5bb',
  90: '#9a9384',
};
const looks = {
  1: 'font-weight: 600',
  2: 'opacity: 0.66',
  3: 'font-style: italic',
  4: 'text-decoration: underline',
};
/** Which looks a number ends. */
const ends = {
  0: () => true,
  22: (code) => code <= 2,
  23: (code) => code === 3,
  24: (code) => code === 4,
  39: (code) => code >= 30,
};

const colorSequence = new RegExp(String.raw`\u001b\[([\d;]*)m`);

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/**
 * A page that shows what a terminal shows, in one `<pre>`.
 *
 * @param {string} text - with the sequences that set colours; others are left out
 * @returns {string} HTML
 */
export function terminalPage(text) {
  let on = [];
  const parts = text.split(colorSequence).map((part, at) => {
    if (at % 2 === 1) {
      for (const code of part.split(';').map(Number))
        on = code in ends ? on.filter((one) => !ends[code](one)) : [...on, code];
      return '';
    }
    const style = on.map((code) => looks[code] ?? `color: ${colors[code] ?? 'inherit'}`).join('; ');
    return `<span style="${style}">${escaped(stripVTControlCharacters(part))}</span>`;
  });
  return `<!doctype html><body style="margin: 0"><pre style="box-sizing: border-box; width: max-content; margin: 0;
    padding: 24px 28px; background: #161513; color: #ebe7de; font: 15px/1.45 'DejaVu Sans Mono', monospace">${parts.join('')}</pre>`;
}
