import { z } from "zod";

/** A setting that fits into one line of text: what a variable or a flag can set. */
export interface Setting {
  path: [string, string];
  kind: "text" | "number" | "boolean" | "list";
}

/** The keys that may stand at a path of the schema; none where any name may. */
export function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let shapes = objectsIn(schema);
  for (const key of path) shapes = shapes.flatMap((object) => childrenOf(object, key));
  return shapes.flatMap((object) => (object instanceof z.ZodObject ? Object.keys(object.shape) : []));
}

/** The paths of all keys that do not lie below a name of the user's choice. */
export function pathsOf(schema: z.ZodType): string[][] {
  return objectsIn(schema).flatMap((object) => {
    if (!(object instanceof z.ZodObject)) return [];
    return Object.entries(object.shape).flatMap(([key, child]) => [
      [key],
      ...pathsOf(child as z.ZodType).map((path) => [key, ...path]),
    ]);
  });
}

/** All settings of the form `section.key` that hold a single value or a list of texts. */
export function settingsOf(schema: z.ZodType): Setting[] {
  return pathsOf(schema).flatMap((path): Setting[] => {
    const [section, key] = path;
    if (section === undefined || key === undefined || path.length > 2) return [];
    const [object] = objectsIn(schema).flatMap((root) => childrenOf(root, section));
    const kind = object instanceof z.ZodObject ? kindOf(object.shape[key] as z.ZodType) : undefined;
    return kind === undefined ? [] : [{ path: [section, key], kind }];
  });
}

function kindOf(schema: z.ZodType): Setting["kind"] | undefined {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodString || inner instanceof z.ZodEnum) return "text";
  if (inner instanceof z.ZodNumber) return "number";
  if (inner instanceof z.ZodBoolean) return "boolean";
  if (inner instanceof z.ZodArray && inner.element instanceof z.ZodString) return "list";
  return undefined;
}

function childrenOf(schema: z.ZodType, key: PropertyKey): z.ZodType[] {
  if (schema instanceof z.ZodObject) {
    const child: unknown = Object.hasOwn(schema.shape, key) ? schema.shape[String(key)] : undefined;
    return child instanceof z.ZodType ? objectsIn(child) : [];
  }
  if (schema instanceof z.ZodRecord) return objectsIn(schema.valueType as z.ZodType);
  if (schema instanceof z.ZodArray) return objectsIn(schema.element as z.ZodType);
  return [];
}

/** What holds keys inside defaults, options and alternatives. */
function objectsIn(schema: z.ZodType): z.ZodType[] {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodUnion) return inner.options.flatMap((option) => objectsIn(option as z.ZodType));
  return [inner];
}

function unwrapped(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional) {
    inner = inner.unwrap() as z.ZodType;
  }
  return inner;
}
