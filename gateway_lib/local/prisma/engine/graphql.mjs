/**
 * GraphQL text, which prisma-client-py speaks, as operations of Prisma's JSON protocol, which the WASM engine speaks.
 */
import { GraphQLError, Kind, OperationTypeNode, parse } from 'graphql';
import { BadQuery } from './errors.mjs';
import { Inputs } from './inputs.mjs';

/**
 * @typedef {{modelName?: string, action: string, query: Selection}} JsonOperation one request of the JSON protocol
 * @typedef {{arguments: Record<string, unknown>, selection: Record<string, true | Selection>}} Selection
 * @typedef {{key: string, request: JsonOperation}} Operation `key` is the name its result goes by
 */

/** Name of a root field in the GraphQL schema -> action of the JSON protocol, for one model. */
const ROOT_FIELDS = [
  ['findUnique', '', 'findUnique'],
  ['findUnique', 'OrThrow', 'findUniqueOrThrow'],
  ['findFirst', '', 'findFirst'],
  ['findFirst', 'OrThrow', 'findFirstOrThrow'],
  ['findMany', '', 'findMany'],
  ['createOne', '', 'createOne'],
  ['createMany', '', 'createMany'],
  ['createMany', 'AndReturn', 'createManyAndReturn'],
  ['updateOne', '', 'updateOne'],
  ['updateMany', '', 'updateMany'],
  ['upsertOne', '', 'upsertOne'],
  ['deleteOne', '', 'deleteOne'],
  ['deleteMany', '', 'deleteMany'],
  ['aggregate', '', 'aggregate'],
  ['groupBy', '', 'groupBy'],
];
const RAW_FIELDS = ['queryRaw', 'executeRaw'];

/** Translates the queries of one schema. */
export class Translator {
  #inputs;
  /** @type {Map<string, {action: string, modelName?: string}>} */
  #roots = new Map(RAW_FIELDS.map((action) => [action, { action }]));

  /** @param {import('./datamodel.mjs').Datamodel} datamodel */
  constructor(datamodel) {
    this.datamodel = datamodel;
    this.#inputs = new Inputs(datamodel);
    for (const modelName of datamodel.models.keys()) {
      for (const [before, after, action] of ROOT_FIELDS) {
        this.#roots.set(before + modelName + after, { action, modelName });
      }
    }
  }

  /**
   * @param {string} text
   * @returns {Operation[]} one for each field selected at the root, in their order
   * @throws {BadQuery}
   */
  operations(text) {
    const [definition, ...others] = syntax(text).definitions;
    if (definition?.kind !== Kind.OPERATION_DEFINITION || others.length > 0) {
      throw new BadQuery('a document has to hold exactly one query or mutation');
    }
    if (definition.operation === OperationTypeNode.SUBSCRIPTION) throw new BadQuery('there are no subscriptions');
    return definition.selectionSet.selections.map((selection) => this.#operation(plainField(selection)));
  }

  /**
   * @param {import('graphql').FieldNode} field
   * @returns {Operation}
   */
  #operation(field) {
    const root = this.#roots.get(field.name.value);
    if (root === undefined) throw new BadQuery(`there is no operation ${field.name.value}`);
    return {
      key: (field.alias ?? field.name).value,
      request: { ...root, query: this.#selection(root.modelName, field) },
    };
  }

  /**
   * @param {string | undefined} model
   * @param {import('graphql').FieldNode} field
   * @returns {Selection}
   */
  #selection(model, field) {
    /** @type {Selection['selection']} */
    const selection = {};
    for (const member of field.selectionSet?.selections ?? []) {
      const child = plainField(member);
      const name = child.name.value;
      if (child.alias && child.alias.value !== name) throw new BadQuery(`${name}: only root fields can have an alias`);
      const related = model && this.datamodel.field(model, name);
      const bare = !child.selectionSet && !child.arguments?.length;
      selection[name] = bare || this.#selection(related?.kind === 'object' ? related.type : model, child);
    }
    return { arguments: this.#inputs.args(model, field.arguments ?? []), selection };
  }
}

/** @param {string} text */
function syntax(text) {
  try {
    return parse(text, { noLocation: true });
  } catch (error) {
    if (error instanceof GraphQLError) throw new BadQuery(error.message);
    throw error;
  }
}

/**
 * @param {import('graphql').SelectionNode} selection
 * @returns {import('graphql').FieldNode}
 */
function plainField(selection) {
  if (selection.kind !== Kind.FIELD) throw new BadQuery('there are no fragments');
  return selection;
}
