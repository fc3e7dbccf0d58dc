// The specifications' own judgement of docs/api: node validate.mjs FOLDER. Prints what is wrong; exit status 1 then.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Parser } from "@asyncapi/parser";
import { Validator } from "@seriousme/openapi-schema-validator";

const folder = process.argv[2];
const read = (name) => readFileSync(join(folder, name), "utf8");
const faults = [];

const openapi = await new Validator().validate(JSON.parse(read("openapi.json")));
if (!openapi.valid) faults.push(`openapi.json: ${JSON.stringify(openapi.errors)}`);

const { document, diagnostics } = await new Parser().parse(read("asyncapi.json"));
for (const { code, path, message } of diagnostics) faults.push(`asyncapi.json: ${code} at ${path.join(".")}: ${message}`);
if (!document && !diagnostics.length) faults.push("asyncapi.json: no document");

for (const fault of faults) console.log(fault);
process.exit(faults.length ? 1 : 0);
