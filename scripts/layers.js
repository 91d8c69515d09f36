import path from 'node:path';

/**
 * The direction of the arrows in src/: a file imports only files of its own row or of a row below.
 * The rows go from the roof to the foundation; the first that has a pattern for a file is the file's.
 */
const rows = [
  ['keymaker', 'flockd', 'bundle-reader'],
  ['cli/keymaker', 'cli/flockd', 'cli/program', 'cli/start'],
  ['cli/keymaker/*', 'cli/flockd/*', 'cli/completion/*'],
  [
    'cli/*',
    'web/desk',
    'context',
    'daemon/claims',
    'daemon/daemon',
    'daemon/runner',
    'daemon/share-text',
    'daemon/tell-manager',
    'sandbox/server',
    'monitor/*',
    'rehearsal/*',
  ],
  ['posting/post-now'],
  ['plan/read-flock'],
  ['posting/step', 'doctor/*'],
  [
    'keys/make-key',
    'keys/change-seal',
    'keys/foreign/take-key',
    'oauth/pin-flow',
    'oauth/callback-flow',
    'posting/post-line',
    'posting/reconcile',
    'posting/look',
    'posting/gate',
    'flock/known-bots',
    'flock/load-flock',
    'flock/planned-flock',
    'plan/*',
    'flock/read-status',
    'flock/flock-view',
    'sandbox/sandbox',
  ],
  [
    'posting/journal',
    'posting/restore-journal',
    'posting/logged-ledger',
    'keys/key-store',
    'keys/pending-store',
    'oauth/oauth1-client',
    'x/x-client',
    'http/send',
    'http/undici-client',
    'http/undici-exchange',
    'http/node-send',
    'web/callback-listener',
    'web/local-server',
  ],
  [
    'alarm/*',
    'daemon/*',
    'poems/*',
    'flock/*',
    'keys/*',
    'keys/foreign/*',
    'oauth/*',
    'posting/*',
    'schedule/*',
    'cost/*',
    'x/*',
    'http/*',
    'sandbox/*',
    'web/*',
    'settings',
    'log',
  ],
  [
    'files',
    'watch',
    'grouped',
    'own-files',
    'turns',
    'held-clock',
    'http/safe-address',
    'quoted',
    'shell-word',
    'text-width',
  ],
  ['errors', 'clock'],
];

/** Files that decide: no disk, no network, no real clock. */
export const pure = [
  'alarm/address',
  'alarm/alarm',
  'alarm/silence',
  'poems/split-poem',
  'poems/older-split',
  'poems/tweet-text',
  'poems/lint',
  'poems/lint-entities',
  'poems/lint-poem',
  'poems/lint-refrains',
  'poems/shared-texts',
  'poems/poem-text',
  'oauth/signature',
  'oauth/oauth-answer',
  'oauth/provider',
  'oauth/callback',
  'keys/bundle-name',
  'keys/key-bundle',
  'keys/mask-token',
  'keys/right-account',
  'keys/foreign/foreign-key',
  'keys/foreign/foreign-text',
  'keys/foreign/four-names',
  'keys/foreign/known-formats',
  'keys/foreign/read-foreign',
  'keys/foreign/choose-bots',
  'web/html',
  'web/flock-page',
  'web/local-exchange',
  'web/message-page',
  'web/style',
  'schedule/slots',
  'schedule/spread',
  'schedule/calendar-ends',
  'schedule/zone-days',
  'schedule/timezone',
  'cost/price-table',
  'cost/money',
  'cost/post-cost',
  'plan/answers-of-x',
  'plan/bot-outlook',
  'plan/bot-words',
  'plan/flock-plan',
  'plan/ics',
  'plan/limit-watch',
  'plan/limits',
  'plan/local-time',
  'plan/plan-ics',
  'plan/plan-json',
  'plan/predicted',
  'plan/predicted-bot',
  'plan/prediction',
  'plan/schedule-words',
  'plan/show-bots',
  'plan/show-calendar',
  'plan/show-plan',
  'plan/shown-line',
  'posting/budget',
  'posting/flock-history',
  'posting/price-post',
  'posting/decide',
  'posting/place',
  'posting/found-events',
  'posting/found-since',
  'posting/look-for',
  'posting/ways-on',
  'posting/follow-edits',
  'posting/follow-split',
  'posting/plan-post',
  'posting/order',
  'posting/post-report',
  'posting/ledger-export',
  'posting/edits',
  'posting/tally',
  'posting/doubts',
  'flock/bot-condition',
  'flock/flock-status',
  'flock/live-status',
  'flock/post-pages',
  'flock/flock-days',
  'flock/flock-view',
  'posting/after-failure',
  'posting/bot-state',
  'posting/journal-line',
  'posting/journal-text',
  'posting/ledger-event',
  'x/x-failure',
  'http/exchange',
  'http/safe-address',
  'doctor/app-pairs',
  'doctor/checkup',
  'doctor/clock-skew',
  'doctor/finding',
  'doctor/judge-key',
  'doctor/forecast',
  'doctor/private-file',
  'doctor/report',
  'doctor/twins',
  'flock/duration',
  'flock/nearest',
  'flock/setting-place',
  'monitor/dashboard-bar',
  'monitor/dashboard-bots',
  'monitor/dashboard-calendar',
  'monitor/dashboard-controls',
  'monitor/dashboard-glance',
  'monitor/dashboard-lines',
  'monitor/dashboard-page',
  'monitor/dashboard-script',
  'monitor/dashboard-spending',
  'monitor/dashboard-style',
  'monitor/dashboard-told',
  'monitor/dashboard-troubles',
  'monitor/dashboard-words',
  'monitor/known-hosts',
  'monitor/listen-address',
  'monitor/post-bounds',
  'monitor/regions',
  'monitor/slot-counts',
  'quoted',
  'text-width',
  'flock/custom-provider',
  'daemon/unit',
  'rehearsal/check-posts',
  'rehearsal/clock-changes',
  'schedule/count-slots',
  'rehearsal/report',
  'rehearsal/scratch-state',
  'rehearsal/show-clock-changes',
  'rehearsal/show-report',
  'rehearsal/slots',
  'rehearsal/words',
  'cli/complete',
  'cli/help-page',
  'cli/man-page',
  'cli/man-sections',
  'cli/value-kinds',
  'cli/flock-frame',
  'cli/status-table',
  'cli/status-words',
  'cli/time-words',
  'cli/completion/bash',
  'cli/completion/fish',
  'cli/completion/typed-words',
  'cli/completion/zsh',
  'monitor/health',
  'monitor/metrics-ledger',
  'monitor/metrics-rows',
  'monitor/metrics-table',
];

/** Packages that one file, and no other, imports: whole or a part. */
const owners = {
  'twitter-api-v2': 'x/x-client',
  'prom-client': 'monitor/metrics',
  'node-cron': 'schedule/slots',
  undici: 'http/undici-client',
  'age-encryption': 'keys/sealed',
  yargs: 'cli/call-verb',
};

const fits = (pattern, file) =>
  pattern.endsWith('/*') ? path.posix.dirname(file) === pattern.slice(0, -2) : pattern === file;

const rowOf = (file) => rows.findIndex((patterns) => patterns.some((pattern) => fits(pattern, file)));

/** The module a path stands for, as the rows name it: `src/posting/place.ts` is `posting/place`. */
const moduleOf = (file) => path.posix.relative('src', file).replace(/\.ts$/, '');

/** What is wrong with an import, or undefined. Types cost nothing at run time, but they bind all the same. */
function faultOf(file, source, isType) {
  if (!source.startsWith('.')) {
    const owner = owners[source.replace(/^(@[^/]+\/)?([^/]+).*/, '$1$2')];
    if (owner !== undefined && owner !== file && !isType) return `only src/${owner}.ts imports ${source}`;
    const effect = /^node:(fs|net|http|https|tls|child_process|dns|readline)\b|^fs-extra$/.test(source);
    return effect && pure.includes(file) ? `src/${file}.ts is pure and cannot import ${source}` : undefined;
  }
  const target = path.posix.join(path.posix.dirname(file), source).replace(/\.ts$/, '');
  if (rowOf(target) < 0) return `src/${target}.ts has no row in scripts/layers.js`;
  if (rowOf(target) < rowOf(file)) return `arrows point down: src/${file}.ts cannot import src/${target}.ts`;
  const forbidden = target.startsWith('sandbox/') && !/^(sandbox|rehearsal|cli\/keymaker)\//.test(file);
  return forbidden ? 'the sandbox is for its own command, for rehearsals and for tests' : undefined;
}

/** ESLint rule: imports follow the rows. */
export const layers = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const file = moduleOf(path.posix.relative(context.cwd, context.filename));
    const check = (node, source, isType) => {
      const message = faultOf(file, source.value, isType);
      if (message !== undefined) context.report({ node, message });
    };
    return {
      Program: (node) => {
        if (rowOf(file) < 0)
          context.report({ node, message: `src/${file}.ts has no row in scripts/layers.js` });
      },
      ImportDeclaration: (node) => check(node, node.source, node.importKind === 'type'),
      ExportNamedDeclaration: (node) => node.source && check(node, node.source, node.exportKind === 'type'),
      ImportExpression: (node) => node.source.type === 'Literal' && check(node, node.source, false),
    };
  },
};
