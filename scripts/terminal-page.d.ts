export function terminalPage(text: string): string;
