// Draws /openapi.json. Every text goes in as text, never as markup.

const element = (tag, attributes = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
};

const resolve = (api, schema) =>
  schema?.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema ?? {};

const typeName = (schema) => {
  if (!schema) return "any";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typeName).join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `[${typeName(schema.items)}]`;
  return schema.format ? `${schema.type} (${schema.format})` : schema.type ?? "any";
};

const fields = (api, schema, depth = 0) => {
  const { properties = {}, required = [] } = resolve(api, schema);
  return element("ul", {}, ...Object.entries(properties).map(([name, field]) => {
    const inner = field.$ref ?? field.items?.$ref;
    const nested = inner && depth < 2 ? [fields(api, { $ref: inner }, depth + 1)] : [];
    const type = element("span", { className: "type" }, ` ${typeName(field)}${required.includes(name) ? ", required" : ""}`);
    return element("li", {}, element("code", {}, name), type, ...nested);
  }));
};

const body = (api, title, content = {}) => Object.entries(content).flatMap(([media, { schema }]) => [
  element("h3", {}, `${title} · ${media}`),
  fields(api, schema),
]);

const operation = (api, path, method, described) => {
  const parameters = described.parameters.map(({ name, in: place, required, schema }) =>
    element("li", {}, element("code", {}, name),
      element("span", { className: "type" }, ` ${typeName(schema)}, in ${place}${required ? ", required" : ""}`)));
  return element("details", {},
    element("summary", {},
      element("span", { className: `method ${method}` }, method.toUpperCase()),
      element("code", {}, path), ` ${described.summary}`,
      element("span", { className: "rule" }, described["x-access"] ?? "public")),
    ...(parameters.length ? [element("h3", {}, "Parameters"), element("ul", {}, ...parameters)] : []),
    ...body(api, "Request", described.requestBody?.content),
    ...Object.entries(described.responses).flatMap(([status, response]) =>
      body(api, `${status} ${response.description}`, response.content)));
};

const draw = (api) => {
  document.querySelector("#about").textContent = `${api.info.summary} Version ${api.info.version}.`;
  const groups = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, described] of Object.entries(methods)) {
      const tag = described.tags[0];
      if (!groups.has(tag)) groups.set(tag, element("section", {}, element("h2", {}, tag)));
      groups.get(tag).append(operation(api, path, method, described));
    }
  }
  document.querySelector("#operations").replaceChildren(...groups.values());
};

const filter = ({ target }) => {
  const wanted = target.value.toLowerCase();
  for (const shown of document.querySelectorAll("details")) {
    shown.hidden = !shown.querySelector("summary").textContent.toLowerCase().includes(wanted);
  }
};

document.querySelector("#filter").addEventListener("input", filter);
draw(await (await fetch("/openapi.json")).json());
