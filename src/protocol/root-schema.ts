// A tool's schema without the keywords that a target refuses at its root: properties of the branches become the root's own, and further
// constraints are returned as JSON Schema, to be put into words.
// Never throws, and never changes nested schemas.

import { isObject, print, type Json, type JsonObject } from "../wire/json.ts";

/** Constraints of a keyword that the flat schema no longer expresses. */
export interface RootRule {
  readonly keyword: string;
  /** One schema for each branch, without the property definitions that the flat schema has. */
  readonly schemas: readonly Json[];
}

export interface FlatSchema {
  readonly schema: JsonObject;
  readonly rules: readonly RootRule[];
}

/** What a schema says of an object; filled in while it is read. */
interface Shape {
  readonly properties: Map<string, Property>;
  readonly required: Set<string>;
  /** Allows no other properties. */
  closed: boolean;
}

interface Property {
  readonly schema: Json;
  readonly printed: Printed;
  /** Whether it holds in every branch. */
  readonly always: boolean;
}

const LINE_LENGTH = 64;
/** Limits on schemas, properties, and lines. References to references can require any amount of work. */
const MAX_STEPS = 20_000;
/** The part of a branch that the flat schema already expresses, or that has no effect. */
const MERGED: ReadonlySet<string> = new Set(
  "type properties required additionalProperties unevaluatedProperties title description $ref $defs definitions $schema $id $comment".split(
    " ",
  ),
);
const COMBINATORS: ReadonlySet<string> = new Set(["anyOf", "oneOf", "allOf"]);
/** Members that the flat schema defines itself. */
const OWN: ReadonlySet<string> = new Set(["type", "properties", "required"]);

/** `refused`: the keywords that are not allowed at the root. At least one occurs. */
export function flatten(root: JsonObject, refused: ReadonlySet<string>): FlatSchema {
  const reader = new ShapeReader(root);
  const shape = reader.read(root);
  const properties = Object.fromEntries([...shape.properties].map(([name, { schema }]) => [name, schema]));
  const kept = Object.entries(root).filter(([key]) => !refused.has(key) && !OWN.has(key));
  const schema: JsonObject = {
    type: "object",
    ...Object.fromEntries(kept),
    properties,
    ...(shape.required.size === 0 ? {} : { required: [...shape.required] }),
    ...(shape.closed ? { additionalProperties: false } : {}),
  };
  const rules = Object.entries(root).flatMap(([keyword, value]): RootRule[] => {
    if (!refused.has(keyword)) return [];
    if (!COMBINATORS.has(keyword)) return [{ keyword, schemas: [value] }];
    const schemas = reader.rest(keyword, value, { flat: shape.properties });
    return schemas.length === 0 ? [] : [{ keyword, schemas }];
  });
  return { schema: withTargets(schema, root, refused), rules };
}

class ShapeReader {
  readonly #root: JsonObject;
  /** Cache of printed texts, since a definition may be referred to many times. */
  readonly #printed = new Map<object, Printed>();
  #steps = 0;

  constructor(root: JsonObject) {
    this.#root = root;
  }

  read(schema: Json | undefined, path: readonly string[] = []): Shape {
    if (!isObject(schema) || ++this.#steps > MAX_STEPS) return { properties: new Map(), required: new Set(), closed: false };
    const { properties, required, additionalProperties, $ref: reference } = schema;
    const own = Object.entries(isObject(properties) ? properties : {});
    this.#steps += own.length;
    const shape: Shape = {
      properties: new Map(own.map(([name, definition]) => [name, { schema: definition, printed: this.#print(definition), always: true }])),
      required: new Set(Array.isArray(required) ? required.filter((name) => typeof name === "string") : []),
      closed: additionalProperties === false,
    };
    if (typeof reference === "string" && !path.includes(reference)) {
      add(shape, this.read(resolve(this.#root, reference), [...path, reference]));
    }
    for (const branch of branchesOf(schema["allOf"])) add(shape, this.read(branch, path));
    for (const key of ["anyOf", "oneOf"]) {
      const shapes = branchesOf(schema[key]).map((branch) => this.read(branch, path));
      if (shapes.length > 0) add(shape, either(shapes));
    }
    return shape;
  }

  /** The constraints of the branches beyond the definitions of the flat schema; none where there are no more. */
  rest(keyword: string, list: Json, { flat, path = [] }: Pick<Place, "flat"> & Partial<Place>): JsonObject[] {
    const rests = branchesOf(list).map((branch) => this.#restOf(branch, { flat, path, isChoice: keyword !== "allOf" }));
    // Every branch of `allOf` holds, so those without further constraints are omitted; in the others each branch is an alternative.
    const told = keyword === "allOf" ? rests.filter((rest) => Object.keys(rest).length > 0) : rests;
    return told.some((rest) => Object.keys(rest).length > 0) ? told : [];
  }

  #restOf(branch: Json | undefined, place: Place): JsonObject {
    if (!isObject(branch) || ++this.#steps > MAX_STEPS) return {};
    const { flat, path, isChoice } = place;
    const { properties, required, additionalProperties, $ref: reference } = branch;
    const isFollowed = typeof reference === "string" && !path.includes(reference);
    const referred = isFollowed ? this.#restOf(resolve(this.#root, reference), { ...place, path: [...path, reference] }) : {};
    const demanded = isChoice && Array.isArray(required) ? required : [];
    const told: JsonObject = isObject(referred["properties"]) ? { ...referred["properties"] } : {};
    const own = Object.entries(isObject(properties) ? properties : {});
    this.#steps += own.length;
    const needed = new Set(demanded);
    for (const [name, schema] of own) {
      if (!this.#print(schema).is(flat.get(name)?.printed)) told[name] = schema;
      else if (isChoice && !needed.has(name)) told[name] ??= {};
    }
    const names = [...(Array.isArray(referred["required"]) ? referred["required"] : []), ...demanded];
    const others = Object.entries(branch).flatMap(([key, value]): [string, Json][] => {
      if (MERGED.has(key)) return [];
      if (!COMBINATORS.has(key)) return [[key, value]];
      const rests = this.rest(key, value, place);
      return rests.length === 0 ? [] : [[key, rests]];
    });
    return {
      ...referred,
      ...(Object.keys(told).length === 0 ? {} : { properties: told }),
      ...(names.length === 0 ? {} : { required: names }),
      ...(isChoice && additionalProperties === false ? { additionalProperties: false } : {}),
      ...Object.fromEntries(others),
    };
  }

  #print(schema: Json): Printed {
    const known = isObject(schema) ? this.#printed.get(schema) : undefined;
    const printed = known ?? new Printed(schema);
    if (isObject(schema)) this.#printed.set(schema, printed);
    this.#steps += Math.floor(printed.length / LINE_LENGTH);
    return printed;
  }
}

/** Where a branch stands. */
interface Place {
  /** The properties of the flat schema. */
  readonly flat: ReadonlyMap<string, Property>;
  /** The references that led here. */
  readonly path: readonly string[];
  /** Whether the arguments may follow another branch instead. */
  readonly isChoice: boolean;
}

/** The branches that an object can follow. */
function branchesOf(list: Json | undefined): Json[] {
  if (!Array.isArray(list)) return [];
  return list.filter((branch) => {
    if (!isObject(branch)) return branch === true;
    const { type } = branch;
    return type === undefined || type === "object" || (Array.isArray(type) && type.includes("object"));
  });
}

/** Both hold: adds to `shape` what `other` says. */
function add(shape: Shape, other: Shape): void {
  for (const [name, theirs] of other.properties) {
    const ours = shape.properties.get(name);
    // A constraint of only some branches can't narrow one that always holds.
    if (ours === undefined || (theirs.always && !ours.always)) shape.properties.set(name, theirs);
    else if (theirs.always) shape.properties.set(name, joined(ours, theirs));
  }
  for (const name of other.required) shape.required.add(name);
  shape.closed ||= other.closed;
}

/** One of them holds. */
function either(shapes: readonly Shape[]): Shape {
  const found = new Map<string, Property[]>();
  const demanded = new Map<string, number>();
  for (const shape of shapes) {
    for (const [name, property] of shape.properties) {
      const properties = found.get(name);
      if (properties === undefined) found.set(name, [property]);
      else properties.push(property);
    }
    for (const name of shape.required) demanded.set(name, (demanded.get(name) ?? 0) + 1);
  }
  const properties = new Map([...found].map(([name, all]) => [name, variant(all, shapes.length)]));
  const required = [...demanded].flatMap(([name, count]) => (count === shapes.length ? [name] : []));
  return { properties, required: new Set(required), closed: shapes.every(({ closed }) => closed) };
}

/** A property that only some of the branches define. */
function variant(found: readonly Property[], branches: number): Property {
  const variants = new Map(found.map((property) => [property.printed.text, property]));
  const [only] = variants.values();
  const always = found.length === branches && found.every((property) => property.always);
  if (variants.size === 1 && only !== undefined) return { ...only, always };
  const schema = { anyOf: [...variants.values()].map((one) => one.schema) };
  return { schema, printed: new Printed(schema), always };
}

const ADDED: ReadonlySet<string> = new Set(["const", "enum", "anyOf", "title", "description"]);

/** A property that must match both schemas, whichever branch is followed. */
function joined(ours: Property, theirs: Property): Property {
  const [one, other] = [ours.schema, theirs.schema];
  if (other === true || ours.printed.is(theirs.printed)) return { ...ours, always: true };
  if (one === true) return { ...theirs, always: true };
  const isAdded = isObject(one) && isObject(other) && Object.keys(other).every((key) => ADDED.has(key) && !(key in one));
  const schema = isAdded ? { ...one, ...other } : { allOf: [one, other] };
  // Printing every time would be quadratic for a schema that many others join.
  const length = ours.printed.length + theirs.printed.length + (isAdded ? -1 : '{"allOf":[,]}'.length);
  return { schema, printed: new Printed(schema, length), always: true };
}

/** A schema's text, for comparison: printed only when another one has the same length. */
class Printed {
  readonly #schema: Json;
  readonly #length: number | null;
  #text: string | null = null;

  /** `length`: of the text, if that is known without printing. */
  constructor(schema: Json, length: number | null = null) {
    this.#schema = schema;
    this.#length = length;
  }

  get text(): string {
    return (this.#text ??= print(this.#schema));
  }

  get length(): number {
    return this.#length ?? this.text.length;
  }

  is(other: Printed | undefined): boolean {
    return other !== undefined && this.length === other.length && this.text === other.text;
  }
}

/** The target of a reference within the document; undefined: none. */
function resolve(root: JsonObject, reference: string): Json | undefined {
  if (!reference.startsWith("#/")) return undefined;
  let at: Json | undefined = root;
  for (const step of reference.slice(2).split("/")) {
    const [written, unescaped] = namesIn(step);
    at = Array.isArray(at) ? at[Number(written)] : isObject(at) ? (at[written] ?? at[unescaped]) : undefined;
  }
  return at;
}

/** A segment of a reference: it is a URL fragment, but many write it without escapes. */
export function namesIn(step: string): [written: string, unescaped: string] {
  const written = step.replaceAll("~1", "/").replaceAll("~0", "~");
  return [written, ESCAPED.test(step) ? decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~") : written];
}

/** ASCII only: half of a longer character is not valid. */
const ESCAPED = /^(?:[^%]|%[0-7][\da-f])+$/i;

/** References into a keyword that was removed lead to a copy of it among the definitions. */
function withTargets(schema: JsonObject, root: JsonObject, refused: ReadonlySet<string>): JsonObject {
  let isLed = false;
  const definitions = isObject(schema["$defs"]) ? schema["$defs"] : {};
  const gone = Object.fromEntries(Object.entries(root).filter(([key]) => refused.has(key)));
  const moved = withReferences({ ...schema, $defs: { ...definitions, [COPIES]: gone } }, (reference) => {
    const keyword = KEYWORD.exec(reference)?.[1];
    if (keyword === undefined || !(keyword in gone)) return reference;
    isLed = true;
    return `#/$defs/${COPIES}/${reference.slice(2)}`;
  });
  return isLed ? moved : schema;
}

const COPIES = "at_root";
const KEYWORD = /^#\/(\w+)\//;

/** The same schema with every reference changed. */
export function withReferences(schema: JsonObject, change: (reference: string) => string): JsonObject {
  const inside = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(inside);
    return isObject(value) ? withReferences(value, change) : value;
  };
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, key === "$ref" && typeof value === "string" ? change(value) : inside(value)]),
  );
}
