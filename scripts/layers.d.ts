import type { Rule } from 'eslint';

/** The layers of src/, top to bottom. */
export declare const rows: readonly (readonly string[])[];
/** What is wrong with an import, or undefined. `file` starts at src/. */
export declare function faultOf(file: string, source: string, isType?: boolean): string | undefined;
/** The ESLint rule: imports follow the rows. */
export declare const layers: Rule.RuleModule;
