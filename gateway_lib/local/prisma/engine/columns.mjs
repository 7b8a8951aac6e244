/**
 * PostgreSQL's result columns for the WASM engine: which Prisma column type each has, and how its text is read.
 *
 * node-postgres hands over every value as text; the engine wants numbers, strings or lists per column type. Sessions
 * run in UTC (see adapter.mjs), so the offset PostgreSQL prints after a time is always `+00` and can be dropped.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { ColumnTypeEnum: Type } = require('@prisma/driver-adapter-utils');
const { parse: parseArray } = require('postgres-array');

/** @typedef {{type: number, read: (text: string) => unknown}} Column */

const FIRST_USER_OID = 16384;
const NO_LIST = -1;
/** Types of the database's own (enums, domains, those of extensions) come as text. */
const USER_DEFINED = { type: Type.Text, read: same };

/** @param {string} text */
function same(text) {
  return text;
}

function nothing() {
  return null;
}

/** @param {string} text */
function withoutOffset(text) {
  return text.replace(/[+-]\d\d(:?\d\d)*$/, '');
}

/** @param {string} text */
function timestamp(text) {
  return text.replace(/\+00$/, '');
}

/** @param {string} text as `\x00ff`, the only form PostgreSQL prints unless told otherwise */
function bytes(text) {
  return [...Buffer.from(text.slice(2), 'hex')];
}

/** @param {string} text `$1,234.50` or `-$0.50` */
function money(text) {
  return text.replace(/[^\d.-]/g, '');
}

/** Prisma type of a scalar, Prisma type of its list, reader, and the oids [scalar, list]... */
const FAMILIES = [
  [Type.Int32, Type.Int32Array, Number, [21, 1005], [23, 1007]],
  [Type.Int64, Type.Int64Array, same, [20, 1016], [26, 1028]],
  [Type.Float, Type.FloatArray, Number, [700, 1021]],
  [Type.Double, Type.DoubleArray, Number, [701, 1022]],
  [Type.Numeric, Type.NumericArray, same, [1700, 1231]],
  [Type.Numeric, Type.NumericArray, money, [790, 791]],
  [Type.Boolean, Type.BooleanArray, (/** @type {string} */ text) => text === 't', [16, 1000]],
  [Type.Date, Type.DateArray, same, [1082, 1182]],
  [Type.Time, Type.TimeArray, same, [1083, 1183]],
  [Type.Time, Type.TimeArray, withoutOffset, [1266, 1270]],
  [Type.DateTime, Type.DateTimeArray, same, [1114, 1115]],
  [Type.DateTime, Type.DateTimeArray, timestamp, [1184, 1185]],
  [Type.Json, Type.JsonArray, same, [114, 199], [3802, 3807]],
  [Type.Uuid, Type.UuidArray, same, [2950, 2951]],
  [Type.Bytes, Type.BytesArray, bytes, [17, 1001]],
  [Type.Text, Type.TextArray, nothing, [2278, NO_LIST]], // void, of a function called for its effect
  [
    Type.Text,
    Type.TextArray,
    same,
    [25, 1009], // text
    [1043, 1015], // varchar
    [1042, 1014], // char(n)
    [18, 1002], // "char"
    [19, 1003], // name
    [705, NO_LIST], // an untyped literal
    [869, 1041], // inet
    [650, 651], // cidr
    [142, 143], // xml
    [1560, 1561], // bit
    [1562, 1563], // varbit
  ],
];

/** @type {Map<number, Column>} */
const COLUMNS = new Map();
for (const [scalar, list, read, ...oids] of FAMILIES) {
  for (const [oid, listOid] of oids) {
    COLUMNS.set(oid, { type: scalar, read });
    COLUMNS.set(listOid, { type: list, read: (text) => parseArray(text, read) });
  }
}

/**
 * @param {number} oid
 * @returns {Column | undefined} nothing for a built-in type that Prisma has no type for
 */
export function column(oid) {
  return COLUMNS.get(oid) ?? (oid >= FIRST_USER_OID ? USER_DEFINED : undefined);
}
