/** Indents JSON text without changing its tokens. Pure. */

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Indent a JSON text like `JSON.stringify(value, null, 2)`, keeping digits, escapes and order. */
export function indentJson(json: string): string {
  let text = '';
  let depth = 0;
  let before = '';
  for (const token of json.match(TOKEN) ?? []) {
    const opened = before === '{' || before === '[';
    const closes = token === '}' || token === ']';
    if (closes) depth -= 1;
    if (opened !== closes || before === ',') text += `\n${'  '.repeat(depth)}`;
    text += token === ':' ? ': ' : token;
    if (token === '{' || token === '[') depth += 1;
    before = token;
  }
  return text;
}
