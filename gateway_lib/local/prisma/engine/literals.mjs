/**
 * GraphQL literals as values of Prisma's JSON protocol.
 */
import { Kind } from 'graphql';
import { BadQuery, BadValue } from './errors.mjs';
import { jsonText } from './json.mjs';

/**
 * The schema's field types for which a literal alone does not say enough: text of a `Json` field has to be
 * tagged or it is stored as a JSON string, and a number of a `Decimal` field must not pass through a double.
 *
 * @param {import('graphql').ValueNode} node
 * @param {string} [type] the Prisma type of the field the literal belongs to
 * @returns {unknown}
 */
export function literal(node, type) {
  switch (node.kind) {
    case Kind.NULL:
      return null;
    case Kind.BOOLEAN:
    case Kind.ENUM:
      return node.value;
    case Kind.STRING:
      return type === 'Json' ? tagged('Json', jsonText(node.value)) : node.value;
    case Kind.INT:
      return integer(node.value, type);
    case Kind.FLOAT:
      return type === 'Decimal' ? tagged('Decimal', node.value) : finite(node.value);
    case Kind.LIST:
      return node.values.map((item) => literal(item, type));
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map((field) => [field.name.value, literal(field.value, type)]));
    default:
      throw new BadQuery(`a literal was expected, not ${node.kind}`);
  }
}

/**
 * @param {string} text
 * @param {string} [type]
 */
function integer(text, type) {
  if (type === 'Decimal') return tagged('Decimal', text);
  const number = Number(text);
  if (Number.isSafeInteger(number)) return number;
  return type === 'Float' ? finite(text) : tagged('BigInt', text);
}

/** @param {string} text */
function finite(text) {
  const number = Number(text);
  if (!Number.isFinite(number)) throw new BadValue(`${text} is beyond the range of a double`);
  return number;
}

/**
 * @param {string} type
 * @param {string} value
 */
function tagged(type, value) {
  return { $type: type, value };
}

/**
 * The reverse, for results: the value inside every tag, as the GraphQL protocol answers it.
 *
 * @param {any} value
 * @returns {unknown}
 */
export function untagged(value) {
  if (Array.isArray(value)) return value.map(untagged);
  if (value === null || typeof value !== 'object') return value;
  if ('$type' in value) return value.value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, untagged(item)]));
}
