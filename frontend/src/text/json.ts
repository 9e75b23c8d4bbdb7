/** JSON as text that people read: laid out, every token of it as it came. Pure. */

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Lay out a JSON text as `JSON.stringify(value, null, 2)` does, its digits and its order as they are. */
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
