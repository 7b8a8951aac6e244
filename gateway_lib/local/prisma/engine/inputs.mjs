/**
 * The arguments of a Prisma operation: every literal in them gets the type its place in the schema gives it.
 *
 * A name inside an argument is a field of the model, an operator (`AND`, `set`, `some`, ...) or a compound key,
 * and which of them it is depends on where it stands; hence one method per place of Prisma's input grammar.
 */
import { Kind } from 'graphql';
import { literal } from './literals.mjs';

/**
 * @typedef {import('graphql').ValueNode} Node
 * @typedef {import('graphql').ObjectValueNode} ObjectNode
 * @typedef {readonly {name: {value: string}, value: Node}[]} Members
 */

const LOGICAL = new Set(['AND', 'OR', 'NOT']);
const RELATION_FILTERS = new Set(['is', 'isNot', 'some', 'every', 'none']);
/** Operators of a Json filter whose operand is not itself JSON. */
const TEXT_OF_JSON = new Set(['path', 'mode', 'string_contains', 'string_starts_with', 'string_ends_with']);

/** Types the arguments of one schema's operations. */
export class Inputs {
  /** @param {import('./datamodel.mjs').Datamodel} datamodel */
  constructor(datamodel) {
    this.datamodel = datamodel;
  }

  /**
   * Arguments of an operation, of a nested write (`updateMany: {where, data}`) or of a nested selection.
   *
   * @param {string | undefined} model nothing for raw queries
   * @param {Members} members
   * @returns {Record<string, unknown>}
   */
  args(model, members) {
    return collect(members, (name, value) => {
      if (model === undefined) return literal(value);
      switch (name) {
        case 'where':
        case 'cursor':
        case 'having':
          return this.where(model, value);
        case 'data':
        case 'create':
        case 'update':
          return this.data(model, value);
        default:
          return literal(value);
      }
    });
  }

  /**
   * @param {string} model
   * @param {Node} node
   * @returns {unknown}
   */
  where(model, node) {
    return each(node, (object) =>
      collect(object.fields, (name, value) => this.#condition(model, name, value)),
    );
  }

  /**
   * @param {string} model
   * @param {string} name
   * @param {Node} value
   */
  #condition(model, name, value) {
    if (LOGICAL.has(name)) return this.where(model, value);
    const field = this.datamodel.field(model, name);
    // not a field: a compound key, whose members are fields of the same model
    if (field === undefined) return this.where(model, value);
    return field.kind === 'object' ? this.#relationFilter(field.type, value) : this.#scalar(field.type, value);
  }

  /**
   * @param {string} model
   * @param {Node} node
   * @returns {unknown}
   */
  #relationFilter(model, node) {
    return each(node, (object) =>
      collect(object.fields, (name, value) =>
        RELATION_FILTERS.has(name) && !this.datamodel.field(model, name)
          ? this.where(model, value)
          : this.#condition(model, name, value),
      ),
    );
  }

  /**
   * @param {string} model
   * @param {Node} node
   * @returns {unknown}
   */
  data(model, node) {
    return each(node, (object) =>
      collect(object.fields, (name, value) => {
        const field = this.datamodel.field(model, name);
        if (field?.kind === 'object') return this.#relationWrite(field, value);
        return this.#scalar(field?.type, value);
      }),
    );
  }

  /**
   * @param {import('./datamodel.mjs').Field} relation
   * @param {Node} node
   * @returns {unknown}
   */
  #relationWrite({ type: model, isList }, node) {
    return each(node, (object) =>
      collect(object.fields, (name, value) => {
        switch (name) {
          case 'create':
            return this.data(model, value);
          case 'update':
            return each(value, (update) =>
              isList || this.#isWrapped(model, update) ? this.args(model, update.fields) : this.data(model, update),
            );
          case 'createMany':
          case 'connectOrCreate':
          case 'updateMany':
          case 'upsert':
            return each(value, (nested) => this.args(model, nested.fields));
          default: // connect, disconnect, set, delete, deleteMany
            return this.where(model, value);
        }
      }),
    );
  }

  /**
   * Whether an `update` of the one related record is `{where, data}` and not the data itself.
   *
   * @param {string} model
   * @param {ObjectNode} node
   */
  #isWrapped(model, node) {
    const names = node.fields.map((field) => field.name.value);
    return (
      names.includes('data') &&
      names.every((name) => name === 'data' || name === 'where') &&
      !names.every((name) => this.datamodel.field(model, name))
    );
  }

  /**
   * The value of a field, or an object of operators on it (`{set: ...}`, `{in: [...]}`, `{path: [...], equals: ...}`).
   *
   * @param {string | undefined} type
   * @param {Node} node
   * @returns {unknown}
   */
  #scalar(type, node) {
    if (node.kind !== Kind.OBJECT) return literal(node, type);
    return collect(node.fields, (name, value) =>
      type === 'Json' && TEXT_OF_JSON.has(name) ? literal(value) : this.#scalar(type, value),
    );
  }
}

/**
 * @param {Node} node
 * @param {(object: ObjectNode) => unknown} convert
 * @returns {unknown}
 */
function each(node, convert) {
  if (node.kind === Kind.LIST) return node.values.map((item) => each(item, convert));
  return node.kind === Kind.OBJECT ? convert(node) : literal(node);
}

/**
 * @param {Members} members
 * @param {(name: string, value: Node) => unknown} convert
 * @returns {Record<string, unknown>}
 */
function collect(members, convert) {
  return Object.fromEntries(members.map(({ name, value }) => [name.value, convert(name.value, value)]));
}
