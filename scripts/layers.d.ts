import type { Rule } from 'eslint';

/** The folders of src/ and the files beside them, from the roof to the foundation. */
export declare const rows: readonly (readonly string[])[];
/** What is wrong with an import of a file, both named from src/, or undefined. */
export declare function faultOf(file: string, source: string, isType?: boolean): string | undefined;
/** ESLint rule: imports follow the rows. */
export declare const layers: Rule.RuleModule;
