/**
 * The look of the page: a quire of paper. What the poems say is set in a serif, what the machine says in a sans; ink for what was
 * posted, pencil for what is planned, and red, as in old books, for what needs a reader's hand. System fonts, no image.
 */
export const dashboardStyle = `
:root {
  color-scheme: light dark;
  --paper: #faf7f1; --ink: #211f1b; --soft: #6b655a; --line: #e0d9cc; --rule: #c9c0b0;
  --accent: #2a5b61; --rubric: #9d3413; --rubric-tint: #f8ebe2; --tint: #f1ece2;
  --made-0: #ece6da; --made-1: #c4d5d2; --made-2: #8fb2b0; --made-3: #558689; --made-4: #2a5b61; --pencil: #a99f8d;
  --serif: 'Iowan Old Style', 'Palatino Linotype', Palatino, 'Book Antiqua', P052, 'TeX Gyre Pagella', 'Source Serif 4',
    'Liberation Serif', 'Times New Roman', 'Noto Serif', serif;
  --sans: -apple-system, 'Segoe UI', 'Helvetica Neue', 'Liberation Sans', Arial, Roboto, 'Noto Sans', sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #161513; --ink: #ebe7de; --soft: #a59e90; --line: #322f2a; --rule: #4a463e;
    --accent: #93c5bb; --rubric: #f2a57c; --rubric-tint: #2d211a; --tint: #211f1c;
    --made-0: #26241f; --made-1: #274643; --made-2: #3b6b66; --made-3: #629a92; --made-4: #93c5bb; --pencil: #776f61;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 0.9375rem/1.5 var(--sans); }
body > * { max-width: 74rem; margin-inline: auto; padding-inline: clamp(1.25rem, 4vw, 3rem); }
a { color: inherit; text-decoration: underline; text-decoration-color: var(--rule); text-underline-offset: 0.2em; }
a:hover { text-decoration-color: currentColor; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 2px; }
code { font: 0.9em ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace; }
ul, ol { margin: 0; padding: 0; list-style: none; }
p { margin: 0; overflow-wrap: anywhere; }
time { white-space: nowrap; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.more { color: var(--soft); font-size: 0.875rem; margin-top: 0.75rem; }

.masthead { display: flex; justify-content: space-between; align-items: baseline; padding-block: 1.5rem 0; }
.masthead h1 { margin: 0; font: italic 400 1.25rem/1.3 var(--serif); }
.live { color: var(--soft); font-size: 0.8125rem; font-variant-numeric: tabular-nums; }
.live::before {
  content: ''; display: inline-block; width: 0.45rem; height: 0.45rem; margin-right: 0.5rem; border-radius: 50%;
  border: 1px solid var(--soft); vertical-align: 0.06em;
}
.live[data-live='yes']::before { background: var(--accent); border-color: var(--accent); }

.opening { padding-block: clamp(1.5rem, 4vw, 3rem) clamp(1.25rem, 3vw, 2.25rem); }
.summary {
  max-width: 24em; font: 400 clamp(1.875rem, 1.2rem + 2.6vw, 3.125rem)/1.14 var(--serif); letter-spacing: -0.012em;
  text-wrap: balance;
}
[data-live='no'] .summary { color: var(--soft); font-style: italic; }
.lost:not(:empty) { max-width: 42em; margin-top: 1rem; color: var(--rubric); }
#flock-controls .controls { margin-top: 1.5rem; }

.facts {
  display: grid; grid-template-columns: repeat(2, 1fr); margin: 0; border-block: 1px solid var(--rule);
}
.facts > div { padding: 0.9rem 1rem 1rem; border-left: 1px solid var(--line); min-width: 0; }
.facts > div:nth-child(odd) { border-left: 0; padding-left: 0; }
.facts > div:nth-child(n + 3) { border-top: 1px solid var(--line); }
.facts dt { color: var(--soft); font-size: 0.8125rem; }
.facts dd { margin: 0; font: 400 1.5rem/1.3 var(--serif); font-variant-numeric: lining-nums; overflow-wrap: anywhere; }
.facts small { display: block; color: var(--soft); font: 0.8125rem/1.45 var(--sans); margin-top: 0.15rem; }
.counts span { white-space: nowrap; }
.counts [data-state='wrong'] { color: var(--rubric); }

.troubles { margin-bottom: clamp(1.5rem, 3vw, 2.25rem); padding: 1rem 1.25rem 1.1rem; background: var(--rubric-tint); border-left: 3px solid var(--rubric); }
.troubles h2 { margin: 0 0 0.5rem; color: var(--rubric); font: italic 400 1.125rem/1.3 var(--serif); }
.troubles li + li { margin-top: 0.7rem; }
.troubles strong { font-weight: 600; }
.troubles .hint { color: var(--soft); }
.troubles .hint::before { content: '→ '; content: '→ ' / ''; color: var(--rubric); }

section > h2 { margin: 0 0 1.1rem; font: italic 400 1.3125rem/1.3 var(--serif); }
.spread, .aside { display: grid; align-content: start; gap: clamp(2.25rem, 5vw, 3rem) clamp(2.5rem, 6vw, 5rem); }
.spread, .roll { padding-top: clamp(2rem, 4vw, 2.75rem); }
.spread > *, .aside > * { min-width: 0; }

.calendar { margin: 0; }
.picture { display: block; width: 100%; height: auto; max-width: 46rem; overflow: visible; }
.picture text { fill: var(--soft); font: 10px var(--sans); }
.made-0 { fill: var(--made-0); } .made-1 { fill: var(--made-1); } .made-2 { fill: var(--made-2); }
.made-3 { fill: var(--made-3); } .made-4 { fill: var(--made-4); }
.planned { fill: var(--pencil); } .idle { fill: var(--rule); }
.today { fill: none; stroke: var(--ink); stroke-width: 1; }
figcaption p { text-wrap: pretty; }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.4rem 2rem; margin-top: 0.9rem; color: var(--soft); font-size: 0.8125rem; }
.legend { display: flex; align-items: center; gap: 0.45rem; white-space: nowrap; }
.swatches { display: inline-flex; gap: 3px; }
.swatches:not(:first-child) { margin-left: 0.7rem; }
.swatches svg { width: 11px; height: 11px; }
summary { width: fit-content; margin-top: 0.6rem; color: var(--soft); font-size: 0.8125rem; cursor: pointer; }
.scrolls { max-height: 22rem; margin-top: 0.6rem; overflow: auto; border-block: 1px solid var(--line); }
table { width: 100%; border-collapse: collapse; font-size: 0.8125rem; font-variant-numeric: tabular-nums; }
caption { padding: 0.5rem 0; color: var(--soft); text-align: left; }
th, td { padding: 0.2rem 0.4rem; text-align: right; border-top: 1px solid var(--line); }
th { font-weight: 400; color: var(--soft); white-space: nowrap; }
th:first-child { text-align: left; padding-left: 0; }

.bar svg { display: block; width: 100%; height: 3px; }
.track { fill: var(--line); } .fill { fill: var(--accent); } .mark { fill: var(--ink); }
.use .bar svg { height: 6px; }
.bar[data-full='yes'] .fill { fill: var(--rubric); }
.use { margin-bottom: 1.1rem; }
.sum { display: flex; justify-content: space-between; gap: 0 1rem; flex-wrap: wrap; margin-bottom: 0.35rem; font-variant-numeric: tabular-nums; }
.sum strong { font-weight: 400; color: var(--soft); }
h3 { margin: 0; font: inherit; }
#before:not(:has(li)) { display: none; }
#before summary { margin: 0.5rem 0 1.4rem; }
#spending h3 { margin: 1.6rem 0 0.7rem; color: var(--soft); font-size: 0.8125rem; }

.lines li { padding-block: 1.35rem; border-top: 1px solid var(--line); }
.lines li:first-child { padding-top: 0; border-top: 0; }
#earlier li:first-child { padding-top: 1.35rem; border-top: 1px solid var(--line); }
blockquote { margin: 0; font: 400 1.25rem/1.42 var(--serif); white-space: pre-wrap; overflow-wrap: anywhere; text-wrap: pretty; }
#lines li:first-child blockquote { font-size: clamp(1.5rem, 1.2rem + 1.2vw, 2rem); line-height: 1.28; letter-spacing: -0.006em; }
.gone { color: var(--soft); font: italic 1.125rem/1.4 var(--serif); }
.by { margin-top: 0.5rem; color: var(--soft); font-size: 0.8125rem; }
.by cite { color: var(--ink); font-style: normal; }

.bot {
  display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0.15rem 1rem;
  align-items: baseline; align-content: start;
  padding-block: 0.95rem; border-top: 1px solid var(--line);
}
.bots .bot:first-child { padding-top: 0; border-top: 0; }
.bot .who { min-width: 0; overflow-wrap: anywhere; }
.bot h3 { display: inline; font: 400 1.1875rem/1.3 var(--serif); }
.bot .account, .bot .place, .bot .last, .bot .clock, .bot .why { color: var(--soft); font-size: 0.8125rem; }
.bot .account { margin-left: 0.4rem; }
.bot .when { text-align: right; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
.bot .clock { white-space: nowrap; }
.bot .bar { grid-column: 1 / -1; margin-block: 0.35rem 0.3rem; }
.bot .last { text-align: right; }
.bot .why, .bot .controls { grid-column: 1 / -1; }
.state { font-style: italic; font-family: var(--serif); font-size: 1rem; color: var(--soft); }
.bot[data-state='wrong'] .state { color: var(--rubric); }
.bot[data-state='wrong'] .fill { fill: var(--rubric); }
.bot[data-state='paused'] .fill, .bot[data-state='stopped'] .fill, .bot[data-state='finished'] .fill { fill: var(--pencil); }

.controls { display: flex; flex-wrap: wrap; gap: 0.5rem; margin-top: 0.5rem; }
.controls form { margin: 0; }
button, .button {
  display: inline-block; padding: 0.3rem 0.9rem; border: 1px solid var(--rule); border-radius: 99px; background: transparent;
  color: inherit; font: inherit; font-size: 0.8125rem; cursor: pointer; text-decoration: none;
}
button[aria-busy='true'] { color: var(--soft); cursor: progress; }
button[aria-busy='true']::after { content: ' …'; content: ' …' / ''; }
button:hover, .button:hover { background: var(--tint); border-color: var(--soft); }
.said {
  position: fixed; inset: auto 0 1rem; z-index: 1; margin-inline: auto; max-width: min(36rem, 100% - 2rem); width: fit-content; padding: 0; pointer-events: none;
}
.said:not(:empty) { padding: 0.7rem 1.1rem; background: var(--ink); color: var(--paper); border-radius: 0.5rem; }
.colophon { margin-top: 3.5rem; padding-block: 1.25rem 2.5rem; color: var(--soft); font-size: 0.8125rem; }
.colophon p { padding-top: 1rem; border-top: 1px solid var(--rule); }
.told { max-width: 34rem; padding-block: 12vh; }
.told h1 { font: 400 2rem/1.2 var(--serif); margin: 0 0 1rem; }
.told p + p { margin-top: 1.5rem; }

@media (max-width: 40rem) {
  .picture text { font-size: 13px; }
}
@media (min-width: 60rem) {
  .facts { grid-template-columns: repeat(4, 1fr); }
  .facts > div:nth-child(n) { border-top: 0; padding-inline: 1.5rem; border-left: 1px solid var(--line); }
  .facts > div:first-child { padding-left: 0; border-left: 0; }
  .spread { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
  .bots { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 clamp(2.5rem, 6vw, 5rem); }
  .bots .bot:nth-child(2) { padding-top: 0; border-top: 0; }
}
@media (prefers-reduced-motion: no-preference) {
  .fill { transition: width 0.8s ease; }
  .arrives { animation: arrive 1.2s ease-out; }
  @keyframes arrive { from { opacity: 0; } }
}
@media (forced-colors: active) {
  .fill, .mark { fill: CanvasText; } .track { fill: GrayText; }
  .made-1, .made-2, .made-3, .made-4, .planned { fill: CanvasText; }
}
@media print {
  .live, .controls { display: none; }
}
`;
