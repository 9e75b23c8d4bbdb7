/** Variables with secrets: rows of a name and a credential, or a value typed for this run. Pure. */

/** One row: a name, and a credential's name or else a typed value. */
export interface SecretRow {
  readonly name: string;
  readonly credential: string;
  readonly text: string;
}

/** A new row. */
export const EMPTY_ROW: SecretRow = { name: '', credential: '', text: '' };

/** Return the rows of a JSON object; a value that only another job has is to be typed again. */
export function rowsFromJson(value: unknown): readonly SecretRow[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).map(([name, secret]: [string, unknown]) => {
    const credential = (secret as { credential?: unknown } | null)?.credential;
    const text = typeof secret === 'string' ? secret : '';
    return { name, credential: typeof credential === 'string' ? credential : '', text };
  });
}

/** Return the rows as JSON text, undefined for none; those that are still empty are left out. */
export function rowsToJson(rows: readonly SecretRow[]): string | undefined {
  const members = rows
    .filter((row) => !isEmptyRow(row))
    .map(({ name, credential, text }) => {
      const value = JSON.stringify(credential ? { credential } : text);
      return `${JSON.stringify(name.trim())}:${value}`;
    });
  return members.length ? `{${members.join(',')}}` : undefined;
}

/** Return what is wrong with the rows, `''` for nothing; the service checks names again. */
export function rowsProblem(rows: readonly SecretRow[], minLength = 0): string {
  const filled = rows.filter((row) => !isEmptyRow(row));
  const names = filled.map((row) => row.name.trim());
  if (names.some((name) => !name)) return 'Name the variable of each secret.';
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice) return `${twice} is there twice.`;
  const open = filled.find((row) => !row.credential && [...row.text.trim()].length < minLength);
  return open ? `${open.name.trim()}: at least ${minLength} characters, or a credential.` : '';
}

function isEmptyRow({ name, credential, text }: SecretRow): boolean {
  return !name.trim() && !credential && !text;
}
