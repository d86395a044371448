// Writes docs/configuration.md from the schema and the vendor table, so that it cannot be wrong about either.
import { writeFileSync } from "node:fs";

import { z } from "zod";

import { configSchema } from "../src/config.ts";
import { variableOf } from "../src/config/environment.ts";
import { settingsOf } from "../src/config/schema-keys.ts";
import type { Vendor } from "../src/providers/vendors.ts";
import { vendors } from "../src/providers/vendors.ts";

interface Schema {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: Schema[];
}

const variables = new Map(settingsOf(configSchema).map(({ path }) => [path.join("."), variableOf(path)]));

/** The whole page. */
export function configurationPage(): string {
  const schema = z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" }) as Schema;
  const sections = Object.entries(schema.properties ?? {}).map(([name, section]) => sectionText(name, section));
  return `# Configuration

<!-- Written by \`node scripts/configuration-docs.ts\` from src/config.ts, src/config/ and src/providers/vendors.ts. -->

Nothing is required. Headrace reads, the later winning: defaults, \`headrace.config.ts\` (or \`.js\`, \`.json\`, \`.jsonc\`,
\`.yaml\`, \`.toml\`; \`--config FILE\` names another), environment variables (a \`.env\` file is read too), flags. Unknown keys
are refused with the nearest known one.

\`\`\`ts
import { defineConfig } from "headrace";

export default defineConfig({
  providers: {
    main: { vendor: "openai", apiKeyVariable: "OPENAI_API_KEY" },
    box: { vendor: "openai-compatible", baseUrl: "http://127.0.0.1:8000/v1", apiKey: "sk-local" },
  },
  routes: { smart: { targets: ["main/gpt-4o"] } },
});
\`\`\`

A model name is, in this order: a route, one of your own \`models\`, \`provider/model\`, or a bare name that is known to be a
configured vendor's (\`gpt-4o\`).

${sections.join("\n")}
## Vendors

A provider appears by itself, under the vendor's name, when one of its variables is set; where the base URL is yours, it
has to be configured, and so have \`openai-responses\`, \`azure-openai-responses\` and \`headrace\`, whose variables mean something
else already. Some want more than one variable:

${Object.entries(vendors as Record<string, Vendor>)
  .flatMap(([name, { appearsWith }]) => (appearsWith === undefined ? [] : [conditionText(name, appearsWith)]))
  .join("\n")}

\`bedrock\` takes a Bedrock API key, or signs its requests with AWS credentials. Those of a profile, of single sign-on, or of
the role of a container or machine are found as well when \`@aws-sdk/credential-provider-node\` is installed beside Headrace;
name the provider in the configuration then: \`{ vendor: "bedrock", region: "eu-west-1" }\`.

\`HEADRACE_API_KEYS\` lists, with commas between, the keys that callers of the gateway need, each optionally as
\`name=key\`; \`HEADRACE_ADMIN_KEYS\` those of its operators. Streams belong to the name, so that a new key of the same name
sees them; without a name they belong to the key itself. [What each kind of key sees](observability.md#who-sees-what) is in
a table.

| vendor | variables | base URL |
|---|---|---|
${Object.entries(vendors as Record<string, Vendor>)
  .map(vendorRow)
  .join("\n")}
`;
}

function sectionText(name: string, section: Schema): string {
  const about = section.description === undefined ? "" : `${section.description}\n\n`;
  const record = typeof section.additionalProperties === "object" ? section.additionalProperties : undefined;
  const rows = rowsOf(record === undefined ? name : `${name}.<name>`, record ?? section);
  const table = rows.length === 0 ? "" : `| key | default | what | variable |\n|---|---|---|---|\n${rows.join("\n")}\n`;
  return `## ${name}\n\n${about}${table}`;
}

function rowsOf(path: string, schema: Schema): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, child]) => {
    const full = `${path}.${key}`;
    const variable = variables.get(full);
    const fallback = child.default === undefined ? "" : `\`${JSON.stringify(child.default)}\``;
    const choices =
      child.enum === undefined ? "" : ` One of ${child.enum.map((value) => `\`${String(value)}\``).join(", ")}.`;
    const row = `| \`${full}\` | ${fallback} | ${child.description ?? ""}${choices} | ${variable === undefined ? "" : `\`${variable}\``} |`;
    const inner = [child, child.items, ...(child.items?.anyOf ?? [])].filter((part) => part?.properties !== undefined);
    return [row, ...inner.flatMap((part) => rowsOf(part === child ? full : `${full}[]`, part as Schema))];
  });
}

function conditionText(name: string, appearsWith: NonNullable<Vendor["appearsWith"]>): string {
  const groups = appearsWith.map((names) => names.map((variable) => `\`${variable}\``).join(" or "));
  return `- \`${name}\`: ${groups.join(", and ")}.`;
}

function vendorRow([name, vendor]: [string, Vendor]): string {
  const { apiKeyVariable, apiKeyFallbackVariable, baseUrlVariable, baseUrl, apiVersionVariable } = vendor;
  const { regionVariables = [], awsService } = vendor;
  const credentials =
    awsService === undefined ? [] : ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
  const keys = [apiKeyVariable, apiKeyFallbackVariable];
  const all = [...keys, ...credentials, ...regionVariables, baseUrlVariable, apiVersionVariable];
  const names = all.filter((variable) => variable !== undefined);
  return `| \`${name}\` | ${names.map((variable) => `\`${variable}\``).join(", ")} | ${baseUrl ?? "yours"} |`;
}

if (import.meta.main) {
  writeFileSync(new URL("../docs/configuration.md", import.meta.url), configurationPage());
}
