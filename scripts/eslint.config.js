import path from 'node:path';
import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import globals from 'globals';
import ts from 'typescript';
import tseslint from 'typescript-eslint';
import { layers } from './layers.js';

const root = path.resolve(import.meta.dirname, '..');

/**
 * The parser options for types. If only files are given, the program has these files, their imports and the declarations,
 * which takes half the time. Otherwise it is the whole project. A file for browsers has its types from
 * src/web/browser/tsconfig.json.
 */
function typesOf(args) {
  const files = args.filter((word) => word.endsWith('.ts'));
  const isEachFile = files.every(ts.sys.fileExists) && !args.some(ts.sys.directoryExists);
  const isForBrowsers = files.some((file) => file.endsWith('.client.ts'));
  if (files.length === 0 || !isEachFile || isForBrowsers)
    return { projectService: true, tsconfigRootDir: root };
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const declarations = fileNames.filter((file) => file.endsWith('.d.ts'));
  return {
    programs: [ts.createProgram([...files.map((file) => path.resolve(file)), ...declarations], options)],
  };
}

/** Functions of node:test whose promises the runner awaits. */
const awaitedByTheRunner = {
  from: 'package',
  name: ['describe', 'it', 'test', 'suite'],
  package: 'node:test',
};

export default defineConfig(
  js.configs.recommended,
  { files: ['**/*.js'], languageOptions: { globals: globals.node } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: typesOf(process.argv.slice(2)) },
    plugins: { house: { rules: { layers } } },
    rules: {
      'max-lines': ['error', 600],
      'max-lines-per-function': ['error', 80],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: [awaitedByTheRunner] }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidOperator: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_', argsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'house/layers': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Time comes from the clock (src/clock.ts).' },
        {
          object: 'process',
          property: 'env',
          message: 'Only src/config/environment.ts reads the environment.',
        },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
          message: 'Time comes from the clock.',
        },
      ],
    },
  },
  {
    // A browser has no clock but its own.
    files: ['src/clock.ts', 'src/config/environment.ts', 'src/**/*.client.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'CallExpression[callee.name=/^(describe|it)$/] > ObjectExpression > Property[key.name="timeout"]',
          message: 'A slow test has not failed; scripts/run-tests has the time limit.',
        },
      ],
    },
  },
);
