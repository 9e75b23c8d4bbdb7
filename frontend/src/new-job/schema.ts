/** Reads JSON Schemas: follows references and lists alternatives. Pure. */

/** The part of JSON Schema that kinds use. Numbers past 2^53 are bigints. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number | bigint;
  readonly maximum?: number | bigint;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly 'x-choices'?: string;
  readonly 'x-options'?: readonly Option[];
}

/** A choice: its value, or the value with a label and the group it belongs to. */
export type Option =
  | string
  | { readonly value: string; readonly label?: string; readonly group?: string };

/** The limit for nested references, which may be circular. */
const MAX_DEPTH = 20;

/** Return the schema with `$ref` and a lone `allOf` followed; the outer annotations win. */
export function resolveSchema(schema: Schema, root: Schema): Schema {
  let found = schema;
  for (let steps = 0; steps < MAX_DEPTH; steps += 1) {
    const { $ref, allOf, ...rest } = found;
    const inner = $ref ? followRef($ref, root) : allOf?.length === 1 ? allOf[0] : undefined;
    if (!inner) return found;
    found = { ...inner, ...rest };
  }
  return found;
}

function followRef(ref: string, root: Schema): Schema | undefined {
  let found: unknown = root;
  for (const part of ref.replace(/^#\/?/, '').split('/').filter(Boolean)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    found = Object.entries(found ?? {}).find(([key]) => key === name)?.[1];
  }
  return (found as Schema | undefined) ?? undefined;
}

/** Return one schema for each alternative and each type of a value. */
export function alternatives(schema: Schema, root: Schema, depth = 0): Schema[] {
  const { anyOf, oneOf, ...rest } = resolveSchema(schema, root);
  const options = anyOf ?? oneOf;
  if (options && depth < MAX_DEPTH) {
    return options.flatMap((one) =>
      alternatives({ ...resolveSchema(one, root), ...rest }, root, depth + 1),
    );
  }
  if (Array.isArray(rest.type)) return rest.type.map((type: string) => ({ ...rest, type }));
  const { items } = rest;
  return [items ? { ...rest, items: resolveSchema(items, root) } : rest];
}

/** Whether a schema allows only null. */
export function isNullSchema(schema: Schema): boolean {
  return schema.type === 'null' || schema.const === null;
}

/** Return the schema of a secret, if these are objects whose members are all such. */
export function secretMember(schema: Schema): Schema | undefined {
  const { additionalProperties, patternProperties = {} } = schema;
  const [member = additionalProperties, ...others] = Object.values(patternProperties);
  if (schema.type !== 'object' || schema.properties || others.length) return undefined;
  return typeof member === 'object' && isSecretSchema(member) ? member : undefined;
}

/** Whether a schema is that of a secret: its `x-options` are credentials, and no strings to send. */
export function isSecretSchema({ type, format }: Schema): boolean {
  return type === 'string' && format === 'password';
}

/** Return the choices that a schema lists, or null if it lists none. */
export function schemaOptions(
  schema: Schema,
): readonly (Option | { readonly json: unknown })[] | null {
  if (schema['x-options']) return schema['x-options'];
  if (schema.enum) return schema.enum.map((json) => ({ json }));
  return schema.const === undefined ? null : [{ json: schema.const }];
}
