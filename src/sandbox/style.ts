/** The style sheet of all pages: one column, system fonts, light or dark by the reader's setting. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #f6f5f2; --sheet: #fff; --ink: #1d1c1a; --soft: #6a665f; --line: #e4e1da;
  --accent: #2f5d62; --on-accent: #fff; --tint: #eaf0ef; --warn: #9a3412; --glow: #eef5f2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #141514; --sheet: #1c1e1d; --ink: #ecebe7; --soft: #a19d95; --line: #30332f;
    --accent: #8fc1b5; --on-accent: #10201c; --tint: #24302d; --warn: #fdba74; --glow: #22302c;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0; min-height: 100vh; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif;
  -webkit-text-size-adjust: 100%;
}
a { color: inherit; text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 6px; }
code, kbd { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.brand { margin: 0; font-weight: 700; letter-spacing: -0.01em; }
.brand span { color: var(--soft); font-weight: 400; font-size: 0.9rem; margin-left: 0.35rem; }
.small { color: var(--soft); font-size: 0.875rem; }
.tag {
  font-size: 0.75rem; color: var(--accent); background: var(--ground); border-radius: 99px; padding: 0.05rem 0.5rem;
}

.avatar {
  flex: none; display: inline-grid; place-items: center; width: 2.5rem; height: 2.5rem; border-radius: 50%;
  color: #fff; font-weight: 600; background: #57534e;
}
.hue-0 { background: #9f4a54; } .hue-1 { background: #a35a1f; } .hue-2 { background: #7d6a14; }
.hue-3 { background: #48763a; } .hue-4 { background: #25756c; } .hue-5 { background: #2f6c9c; }
.hue-6 { background: #5a5fb0; } .hue-7 { background: #8d4f91; }

.top {
  position: sticky; top: 0; z-index: 1; display: flex; justify-content: space-between; align-items: center;
  max-width: 38rem; margin: 0 auto; padding: 0.9rem 1.1rem; background: var(--ground);
}
.live { margin: 0; color: var(--soft); font-size: 0.875rem; }
.live span { display: inline-block; width: 0.5rem; height: 0.5rem; border-radius: 50%; background: #3f9d6b; }
.feed { max-width: 38rem; margin: 0 auto; padding-bottom: 4rem; }
.row { display: flex; gap: 0.4rem; align-items: center; overflow-x: auto; padding: 0.2rem 1.1rem 0.9rem; white-space: nowrap; }
.chip {
  display: inline-flex; gap: 0.4rem; align-items: center; padding: 0.25rem 0.8rem; border-radius: 99px;
  border: 1px solid var(--line); background: var(--sheet); font-size: 0.875rem;
}
.chip .avatar { width: 1.25rem; height: 1.25rem; font-size: 0.7rem; margin-left: -0.4rem; }
.chip[aria-current] { background: var(--accent); color: var(--on-accent); border-color: var(--accent); }
article {
  display: flex; gap: 0.8rem; padding: 1rem 1.1rem; background: var(--sheet);
  border-bottom: 1px solid var(--line);
}
article:first-child { border-top: 1px solid var(--line); }
article > div { min-width: 0; flex: 1; }
.by { margin: 0; display: flex; flex-wrap: wrap; gap: 0 0.6rem; align-items: baseline; }
.by a { font-weight: 600; }
.by time { color: var(--soft); font-size: 0.875rem; }
.text { margin: 0.15rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.empty { padding: 4rem 1.5rem; text-align: center; color: var(--soft); }
@media (min-width: 40rem) {
  #posts { margin: 0 1.1rem; }
  .row { flex-wrap: wrap; }
  article { border-left: 1px solid var(--line); border-right: 1px solid var(--line); }
  article:first-child { border-radius: 14px 14px 0 0; }
  article:last-child { border-radius: 0 0 14px 14px; }
  article:only-child { border-radius: 14px; }
}
@media (prefers-reduced-motion: no-preference) {
  .new { animation: arrive 1.6s ease-out; }
  @keyframes arrive { from { background: var(--glow); opacity: 0; } 25% { opacity: 1; } }
}

.card { max-width: 30rem; margin: 0 auto; padding: 1.75rem 1.4rem 2.5rem; background: var(--sheet); min-height: 100vh; }
@media (min-width: 34rem) {
  .card { margin: 8vh auto 4rem; padding: 2rem 2.25rem; border: 1px solid var(--line); border-radius: 18px; min-height: 0; }
}
.card h1 { font-size: 1.5rem; line-height: 1.25; letter-spacing: -0.015em; margin: 1.4rem 0 0.6rem; text-wrap: balance; }
.app { margin: 0; color: var(--soft); }
.app code { color: var(--ink); overflow-wrap: anywhere; }
.rights { padding: 0; margin: 1rem 0 1.4rem; list-style: none; }
.rights li::before { content: '\\2713'; color: var(--accent); font-weight: 700; margin-right: 0.6rem; }
.rights .no::before { content: '\\2013'; color: var(--soft); }
.complaint { margin: 0 0 1rem; padding: 0.6rem 0.9rem; border-left: 3px solid var(--warn); color: var(--warn); }
fieldset { border: 0; padding: 0; margin: 0 0 1.1rem; max-height: 22.4rem; overflow-y: auto; }
legend { font-weight: 600; padding: 0 0 0.4rem; }
.choice {
  display: flex; gap: 0.7rem; align-items: center; padding: 0.55rem 0.8rem; margin-bottom: 0.4rem; cursor: pointer;
  border: 1px solid var(--line); border-radius: 12px;
}
.choice:has(:checked) { border-color: var(--accent); background: var(--tint); }
.choice:focus-within { outline: 3px solid var(--accent); outline-offset: -1px; }
.choice .avatar { width: 2rem; height: 2rem; font-size: 0.9rem; }
.choice input { accent-color: var(--accent); width: 1.1rem; height: 1.1rem; margin: 0; outline: none; }
.field { display: block; font-weight: 600; }
.field .small { display: block; font-weight: 400; }
.at { position: relative; display: block; margin-top: 0.5rem; }
.at::before { content: '@'; position: absolute; left: 0.9rem; top: 0.65rem; color: var(--soft); }
.at input {
  width: 100%; padding: 0.65rem 0.9rem 0.65rem 1.9rem; font: inherit; color: inherit; background: var(--ground);
  border: 1px solid var(--line); border-radius: 12px;
}
.buttons { display: flex; gap: 0.7rem; margin: 1.4rem 0 1rem; }
button {
  font: inherit; font-weight: 600; padding: 0.7rem 1.3rem; border-radius: 99px; cursor: pointer;
  border: 1px solid var(--line); background: transparent; color: inherit;
}
button:hover { background: var(--tint); }
button.primary { flex: 1; background: var(--accent); color: var(--on-accent); border-color: var(--accent); }
button.primary:hover { filter: brightness(1.08); }
.who { display: flex; gap: 0.7rem; align-items: center; margin: 1.6rem 0 0; font-weight: 600; }
#oauth_pin {
  margin: 1.2rem 0; padding: 1.1rem 0.5rem; text-align: center; border-radius: 14px; background: var(--tint);
}
#oauth_pin code { font-size: clamp(2.1rem, 12vw, 3rem); font-weight: 600; letter-spacing: 0.12em; margin-right: -0.12em; user-select: all; }
`;
