/** What a policy sees of a value. */
export type ArgType =
  | { readonly kind: 'string' | 'bool' | 'long' | 'decimal' }
  | { readonly kind: 'set'; readonly element: ArgType }
  | RecordType;

/** An attribute of a record. */
export type Field = { readonly type: ArgType; readonly isRequired: boolean };

/** A record of named attributes. */
export type RecordType = { readonly kind: 'record'; readonly fields: ReadonlyMap<string, Field> };

/** Tells whether two types are the same, attribute by attribute. */
export const isSameType = (one: ArgType, other: ArgType): boolean => {
  if (one.kind === 'set' && other.kind === 'set') return isSameType(one.element, other.element);
  if (one.kind !== 'record' || other.kind !== 'record') return one.kind === other.kind;
  return (
    one.fields.size === other.fields.size &&
    [...one.fields].every(([name, field]) => {
      const twin = other.fields.get(name);
      return twin !== undefined && twin.isRequired === field.isRequired && isSameType(twin.type, field.type);
    })
  );
};

type Merge = (one: ArgType, other: ArgType) => ArgType | undefined;

const mergeRecords = (
  [one, other]: readonly [RecordType, RecordType],
  merge: Merge,
  isRequired: (one: Field | undefined, other: Field | undefined) => boolean,
): RecordType => {
  const fields = new Map<string, Field>();
  for (const name of new Set([...one.fields.keys(), ...other.fields.keys()])) {
    const [left, right] = [one.fields.get(name), other.fields.get(name)];
    const type = left && right ? merge(left.type, right.type) : (left ?? right)?.type;
    if (type !== undefined) fields.set(name, { type, isRequired: isRequired(left, right) });
  }
  return { kind: 'record', fields };
};

const both = (one: ArgType, other: ArgType): readonly [RecordType, RecordType] | undefined =>
  one.kind === 'record' && other.kind === 'record' ? [one, other] : undefined;

/** The type of what has one type or the other; undefined where no policy could tell which. */
export const unite: Merge = (one, other) => {
  const records = both(one, other);
  if (records === undefined) return isSameType(one, other) ? one : undefined;
  return mergeRecords(records, unite, (left, right) => left?.isRequired === true && right?.isRequired === true);
};

/** The type of what has both types. */
export const combine: Merge = (one, other) => {
  const records = both(one, other);
  if (records === undefined) return isSameType(one, other) ? one : undefined;
  return mergeRecords(records, combine, (left, right) => left?.isRequired === true || right?.isRequired === true);
};
