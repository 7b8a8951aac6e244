/**
 * JSON text for `Json` fields, checked before the WASM engine sees it: text it cannot read makes it panic.
 */
import { BadValue } from './errors.mjs';

/** Nesting that the engine's own JSON parser reads. */
const DEEPEST = 127;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * @param {string} text
 * @returns {string} the text
 * @throws {BadValue}
 */
export function jsonText(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BadValue(`the value of a Json field is not JSON: ${error.message}`);
  }
  check(value, 0);
  return text;
}

/**
 * @param {unknown} value
 * @param {number} depth
 */
function check(value, depth) {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new BadValue('a number in JSON is too large');
  if (typeof value === 'string' && LONE_SURROGATE.test(value)) throw new BadValue('a string in JSON is not Unicode');
  if (value === null || typeof value !== 'object') return;
  if (depth === DEEPEST) throw new BadValue('JSON is nested too deeply');
  for (const [name, item] of Object.entries(value)) {
    check(name, depth);
    check(item, depth + 1);
  }
}
