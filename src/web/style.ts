import type { LocalAnswer } from './server.ts';

/** The one style sheet of keymaker's pages: system fonts, light or dark as the reader's system is, no image. */
const css = `
:root {
  color-scheme: light dark;
  --ground: #f6f5f2; --sheet: #fff; --ink: #1d1c1a; --soft: #67635c; --line: #e2dfd8;
  --accent: #2f5d62; --on-accent: #fff; --tint: #eaf0ef; --good: #2c6e49; --bad: #9a3412; --bad-tint: #fbeee6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #141514; --sheet: #1c1e1d; --ink: #ecebe7; --soft: #a5a199; --line: #30332f;
    --accent: #8fc1b5; --on-accent: #10201c; --tint: #24302d; --good: #86d0a5; --bad: #fdba74; --bad-tint: #33261c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; -webkit-text-size-adjust: 100%;
}
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 8px; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 0.9em; overflow-wrap: anywhere; }
h1, h2 { letter-spacing: -0.015em; line-height: 1.25; text-wrap: balance; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.small { color: var(--soft); font-size: 0.875rem; }
.brand { margin: 0; font-weight: 700; letter-spacing: -0.01em; }
.brand span { color: var(--soft); font-weight: 400; margin-left: 0.35rem; }
.button, button {
  display: inline-block; font: inherit; font-weight: 600; padding: 0.5rem 1.1rem; border-radius: 99px; cursor: pointer;
  border: 1px solid var(--line); background: transparent; color: inherit; text-decoration: none;
}
button:hover, .button:hover { background: var(--tint); }
button.primary { background: var(--accent); color: var(--on-accent); border-color: var(--accent); }
button.primary:hover { filter: brightness(1.08); }
button.danger { color: var(--bad); }

.card { max-width: 32rem; margin: 0 auto; padding: 1.75rem 1.4rem 2.5rem; background: var(--sheet); min-height: 100vh; }
.card h1 { font-size: 1.5rem; margin: 1.4rem 0 0.6rem; }
.card p { overflow-wrap: anywhere; }
.question dl { display: grid; grid-template-columns: auto 1fr; gap: 0.5rem 1rem; margin: 1.2rem 0; padding: 0.9rem 1.1rem; background: var(--ground); border-radius: 14px; }
.question dt { color: var(--soft); }
.question dd { margin: 0; font-weight: 600; min-width: 0; overflow-wrap: anywhere; }
.question blockquote { margin: 0.2rem 0 0; color: var(--soft); font-style: italic; font-weight: 400; }
.answers { display: flex; flex-wrap: wrap; gap: 0.6rem; margin: 1.3rem 0 0.4rem; }
.asks .answers { margin: 0.7rem 0 0.2rem; }
.sign {
  display: inline-grid; place-items: center; width: 1.9rem; height: 1.9rem; margin-right: 0.6rem; border-radius: 50%;
  font-size: 1.1rem; color: var(--sheet); background: var(--good);
}
[data-mood='bad'] .sign { background: var(--bad); }
@media (min-width: 36rem) {
  .card { margin: 12vh auto 4rem; padding: 2rem 2.25rem; border: 1px solid var(--line); border-radius: 18px; min-height: 0; }
}

.top { max-width: 46rem; margin: 0 auto; padding: 1.4rem 1.1rem 0.4rem; }
.top h1 { font-size: 1.6rem; margin: 0.8rem 0 0.2rem; }
.bots { max-width: 46rem; margin: 0 auto; padding: 0.6rem 1.1rem 4rem; display: grid; gap: 0.9rem; }
.notice { border-radius: 14px; padding: 0.8rem 1.1rem; background: var(--tint); margin: 0.8rem 0 0; }
.notice[data-mood='bad'] { background: var(--bad-tint); color: var(--bad); }
.notice strong { display: block; }
.bot .notice { margin: 0.6rem 0 1rem; }
.notice p { margin: 0; overflow-wrap: anywhere; }
.bot { background: var(--sheet); border: 1px solid var(--line); border-radius: 18px; padding: 1.1rem 1.25rem 1.25rem; }
.bot header { display: flex; flex-wrap: wrap; gap: 0.2rem 0.8rem; align-items: baseline; }
.bot h2 { font-size: 1.15rem; margin: 0; overflow-wrap: anywhere; }
.bot .state { font-size: 0.875rem; font-weight: 600; border-radius: 99px; padding: 0.1rem 0.7rem; background: var(--tint); color: var(--accent); }
.bot .state[data-state='none'] { background: transparent; border: 1px dashed var(--line); color: var(--soft); }
.bot .state[data-state='bad'] { background: var(--bad-tint); color: var(--bad); }
.bot blockquote { margin: 0.5rem 0 0.2rem; color: var(--soft); font-style: italic; overflow-wrap: anywhere; }
.bot .facts { margin: 0.2rem 0 0.9rem; }
.bot .why { margin: 0.4rem 0; color: var(--bad); overflow-wrap: anywhere; }
.actions { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: flex-start; }
.actions form { margin: 0; }
details { flex-basis: auto; }
details[open] { flex-basis: 100%; border: 1px solid var(--line); border-radius: 14px; padding: 0.6rem 0.9rem 0.9rem; }
summary { font-weight: 600; padding: 0.5rem 1.1rem; border: 1px solid var(--line); border-radius: 99px; cursor: pointer; list-style: none; }
summary::-webkit-details-marker { display: none; }
details[open] summary { border: 0; padding: 0.2rem 0; }
label { display: block; font-weight: 600; margin: 0.5rem 0; }
input[type='text'] {
  display: block; width: 100%; margin-top: 0.3rem; padding: 0.6rem 0.9rem; font: inherit; color: inherit; background: var(--ground);
  border: 1px solid var(--line); border-radius: 12px;
}
`;

/** The answer that is the style sheet. */
export const styleSheet: LocalAnswer = {
  status: 200,
  headers: { 'content-type': 'text/css; charset=utf-8' },
  body: css,
};
