/**
 * What the engine has to know of a Prisma schema: the type of every field of every model.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/**
 * @typedef {{name: string, kind: 'scalar' | 'object' | 'enum' | 'unsupported', type: string, isList: boolean}} Field
 */

/** Models and their fields, as Prisma's own schema parser reads them. */
export class Datamodel {
  /** @param {Map<string, Map<string, Field>>} models */
  constructor(models) {
    this.models = models;
  }

  /**
   * @param {string} schema text of a `schema.prisma`
   * @returns {Datamodel}
   */
  static parse(schema) {
    const { get_datamodel: parse } = require('@prisma/prisma-schema-wasm');
    const { models } = JSON.parse(parse(JSON.stringify({ prismaSchema: [['schema.prisma', schema]] })));
    return new Datamodel(
      new Map(models.map((model) => [model.name, new Map(model.fields.map((field) => [field.name, field]))])),
    );
  }

  /**
   * @param {string} model
   * @param {string} name
   * @returns {Field | undefined} nothing when the model has no field of that name
   */
  field(model, name) {
    return this.models.get(model)?.get(name);
  }
}
