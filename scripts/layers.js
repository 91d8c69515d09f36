import path from 'node:path';

/**
 * The layers of src/, top to bottom: folders, and the files beside them. A file imports only its own folder and the rows
 * below, so two entries of one row cannot import each other.
 */
export const rows = [
  ['keymaker.ts', 'flockd.ts'],
  ['cli'],
  ['rehearsal', 'web', 'doctor'],
  ['context.ts'],
  ['plan', 'alarms'],
  ['daemon', 'sandbox'],
  ['flock'],
  ['posting'],
  ['ledger'],
  ['config'],
  ['keys'],
  ['networks'],
  ['oauth'],
  ['http', 'schedule', 'poems', 'manual'],
  ['cost.ts'],
  ['assets.ts', 'log.ts', 'fs.ts', 'watch.ts', 'yield.ts'],
  ['errors.ts', 'clock.ts', 'text.ts'],
];

/**
 * The sandbox stands in for X. It shares no code with the client that it tests, so that both do not have the same mistake; only
 * X's prices and its rules for texts have one home.
 */
const imports = {
  sandbox: ['assets.ts', 'errors.ts', 'clock.ts', 'fs.ts', 'text.ts', 'cost.ts', 'poems'],
};
const importedBy = { sandbox: ['rehearsal', 'cli'] };

/** Packages that only one folder imports at run time. */
const owners = {
  'twitter-api-v2': 'networks',
  'prom-client': 'web',
  'node-cron': 'schedule',
  undici: 'http',
  'age-encryption': 'keys',
  yargs: 'cli',
};

/** Modules that decide. They use neither disk nor network, so that tests need none. */
const pure = [
  /^ledger\/(events|history|state)\.ts$/,
  /^networks\/[^/]+\/failure\.ts$/,
  /^posting\/(budget|decide|edits|replay)\.ts$/,
];
const effect = /^(node:(fs|net|http|https|tls|child_process|dns|readline)\b|fs-extra$|undici\b)/;
const effectful = ['fs.ts', 'http/undici.ts', 'http/send.ts'];

const entries = rows.flat();

/** The entry that a file belongs to: `posting/decide.ts` belongs to `posting`. Paths start at src/. */
const entryOf = (file) => entries.find((entry) => file === entry || file.startsWith(`${entry}/`));
const rowOf = (entry) => rows.findIndex((row) => row.includes(entry));

/**
 * What is wrong with an import, or undefined. Imports of types follow the rows too, because they also bind two modules.
 *
 * @param file path of the importing file, from src/
 * @param source the specifier in the import
 */
export function faultOf(file, source, isType = false) {
  const entry = entryOf(file);
  if (entry === undefined) return `src/${file} has no row in scripts/layers.js`;
  if (!source.startsWith('.')) return faultOfPackage(file, entry, source, isType);
  const target = path.posix.join(path.posix.dirname(file), source);
  const targetEntry = entryOf(target);
  if (targetEntry === undefined) return `src/${target} has no row in scripts/layers.js`;
  const arrow = `src/${file} cannot import src/${target}`;
  if (pure.some((pattern) => pattern.test(file)) && effectful.includes(target))
    return `${arrow}: a module that decides has no disk and no network`;
  if (entry === targetEntry) return undefined;
  if (rowOf(targetEntry) < rowOf(entry)) return `${arrow}: ${targetEntry} is above ${entry}`;
  if (rowOf(targetEntry) === rowOf(entry)) return `${arrow}: ${entry} and ${targetEntry} are in one row`;
  if (imports[entry]?.includes(targetEntry) === false)
    return `${arrow}: ${entry} imports only ${imports[entry].join(', ')}`;
  if (importedBy[targetEntry]?.includes(entry) === false)
    return `${arrow}: ${targetEntry} is for ${importedBy[targetEntry].join(', ')} and for tests`;
  return undefined;
}

function faultOfPackage(file, entry, source, isType) {
  const owner = owners[source.replace(/^(@[^/]+\/)?([^/]+).*/, '$1$2')];
  if (owner !== undefined && owner !== entry && !isType)
    return `src/${file} cannot import ${source}: only src/${owner} does`;
  return pure.some((pattern) => pattern.test(file)) && effect.test(source)
    ? `src/${file} cannot import ${source}: a module that decides has no disk and no network`
    : undefined;
}

/** The ESLint rule: imports follow the rows. */
export const layers = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const file = path.relative(path.join(context.cwd, 'src'), context.filename).replaceAll(path.sep, '/');
    const check = (node, source, isType) => {
      const message = faultOf(file, source.value, isType);
      if (message !== undefined) context.report({ node, message });
    };
    return {
      ImportDeclaration: (node) => check(node, node.source, node.importKind === 'type'),
      ExportNamedDeclaration: (node) => node.source && check(node, node.source, node.exportKind === 'type'),
      ExportAllDeclaration: (node) => check(node, node.source, node.exportKind === 'type'),
      ImportExpression: (node) => node.source.type === 'Literal' && check(node, node.source, false),
      TSImportType: (node) => node.source.type === 'Literal' && check(node, node.source, true),
    };
  },
};
