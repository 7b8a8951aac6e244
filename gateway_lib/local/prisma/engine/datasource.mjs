/**
 * Which database the engine is for.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/**
 * @param {string} schema text of the schema; its datasource names the URL or the variable that holds it
 * @param {Record<string, string | undefined>} environment `OVERWRITE_DATASOURCES` comes first
 * @returns {string}
 */
export function databaseUrl(schema, environment) {
  const [override] = JSON.parse(environment.OVERWRITE_DATASOURCES ?? '[]');
  if (override?.url) return override.url;
  const { get_config: parse } = require('@prisma/prisma-schema-wasm');
  const { config } = JSON.parse(
    parse(
      JSON.stringify({
        prismaSchema: [['schema.prisma', schema]],
        datasourceOverrides: {},
        env: {},
        ignoreEnvVarErrors: true,
      }),
    ),
  );
  const [{ url, activeProvider }] = config.datasources;
  if (activeProvider !== 'postgresql') throw new Error(`the engine is for PostgreSQL, not for ${activeProvider}`);
  const value = url.fromEnvVar ? environment[url.fromEnvVar] : url.value;
  if (!value) throw new Error(`the environment has no ${url.fromEnvVar}`);
  return value;
}
