import { html, type Html } from '../web/html.ts';

export interface Bar {
  role: 'progressbar' | 'meter';
  /** What it measures, for those who do not see it. */
  label: string;
  value: number;
  most: number;
  /** How it reads. */
  text: string;
  /** Whether it is to be noticed that all of it is used up. */
  alarms?: boolean | undefined;
  /** A mark on it, as a share of its length. */
  mark?: number | undefined;
}

/** A bar. Drawn, because the page's policy allows no style that is written into it. */
export function bar({ role, label, value, most, text, alarms = false, mark }: Bar): Html {
  const share = most > 0 ? Math.min(1, value / most) : 1;
  return html`<div
    class="bar"
    role="${role}"
    aria-label="${label}"
    aria-valuemin="0"
    aria-valuemax="${most}"
    aria-valuenow="${Math.min(value, most)}"
    aria-valuetext="${text}"
    data-full="${alarms && share >= 1 ? 'yes' : 'no'}"
  >
    <svg viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="1000" height="1" />
      <rect class="fill" width="${Math.round(share * 1000)}" height="1" />
      ${mark !== undefined && html`<rect class="mark" x="${Math.round(mark * 997)}" width="3" height="1" />`}
    </svg>
  </div>`;
}
