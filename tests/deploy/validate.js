// validate.js TOOLS FOLDER NAME…: holds the documents of each FOLDER/NAME.json against the JSON schemas
// of their kind, and prints {NAME: [what is wrong]}.
const fs = require("fs");
const path = require("path");

const [tools, folder, ...names] = process.argv.slice(2);
const results = {};
for (const name of names) {
  results[name] = [];
  for (const document of JSON.parse(fs.readFileSync(path.join(folder, name + ".json"), "utf8"))) {
    const gateway = document.apiVersion.startsWith("gateway.");
    const models = require(path.join(tools, "node_modules",
      gateway ? "@kubernetes-models/gateway-api" : "kubernetes-models", document.apiVersion));
    try {
      new models[document.kind](document).validate();
    } catch (error) {
      results[name].push(`${document.kind} ${document.metadata.name}: ${error.message}`);
    }
  }
}
process.stdout.write(JSON.stringify(results));
