/** Asks a zod schema what may stand at a path: the keys an object takes there, the values an enum allows. For suggestions and for `--set`. */
import type { z } from 'zod';

type Key = string | number;
interface Definition {
  type: string;
  shape?: Record<string, z.ZodType>;
  element?: z.ZodType;
  innerType?: z.ZodType;
  in?: z.ZodType;
  options?: z.ZodType[];
  valueType?: z.ZodType;
  entries?: Record<string, string>;
}

const definition = (schema: z.ZodType): Definition => (schema as unknown as { _zod: { def: Definition } })._zod.def;

/** The alternatives behind optional, default, nullable, transformed and union schemas. */
function alternatives(schema: z.ZodType): z.ZodType[] {
  const def = definition(schema);
  if (def.innerType) return alternatives(def.innerType);
  if (def.type === 'pipe' && def.in) return alternatives(def.in);
  if (def.type === 'union') return (def.options ?? []).flatMap(alternatives);
  return [schema];
}

/** Every schema that could describe the value at `path`; empty when the path leads nowhere. */
function schemasAt(schema: z.ZodType, path: readonly Key[]): z.ZodType[] {
  let current = alternatives(schema);
  for (const key of path) {
    current = current.flatMap((candidate) => {
      const def = definition(candidate);
      if (def.type === 'object') {
        const next = Object.hasOwn(def.shape ?? {}, String(key)) ? def.shape![String(key)] : undefined;
        return next ? alternatives(next) : [];
      }
      if (def.type === 'array' && def.element) return alternatives(def.element);
      if (def.type === 'record' && def.valueType) return alternatives(def.valueType);
      return [];
    });
  }
  return current;
}

/** The keys an object at `path` may have, in the schema's order. */
export function keysAt(schema: z.ZodType, path: readonly Key[]): string[] {
  const keys = schemasAt(schema, path).flatMap((candidate) => Object.keys(definition(candidate).shape ?? {}));
  return [...new Set(keys)];
}

/** Is the value at `path` a list? */
export const isListAt = (schema: z.ZodType, path: readonly Key[]): boolean =>
  schemasAt(schema, path).some((candidate) => definition(candidate).type === 'array');

/** Does the schema allow something at `path`? */
export const isKnownPath = (schema: z.ZodType, path: readonly Key[]): boolean => schemasAt(schema, path).length > 0;
