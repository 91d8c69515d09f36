/**
 * The words of a line of bash, without what quotes them; the last is the unfinished one, perhaps empty. What bash would expand is
 * left as it is: nothing is looked up, and nothing is run.
 */
export function typedWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (quote === '' && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === quote) quote = '';
    else if (quote === '' && /['"]/.test(char)) {
      quote = char;
      word ??= '';
    } else if (char === '\\' && (quote === '' || (quote === '"' && /["$\\`]/.test(line.charAt(at + 1))))) {
      at += 1;
      word = (word ?? '') + line.charAt(at);
    } else word = (word ?? '') + char;
  }
  return [...words, word ?? ''];
}
