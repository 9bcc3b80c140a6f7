"""As much of JSON Schema 2020-12 as an OpenAPI 3.1 document of ours uses.

A keyword this file does not know is an error, so that no rule is skipped in silence."""
import re

NOTES = {"title", "description", "examples", "example", "default", "format", "deprecated",
         "readOnly", "writeOnly", "$comment", "discriminator"}
TYPES = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


class Broken(Exception):
    """The document itself is wrong."""


def resolve(document, node):
    """Follows $ref inside the document."""
    for _ in range(16):
        if not isinstance(node, dict) or "$ref" not in node:
            return node
        reference = node["$ref"]
        if not reference.startswith("#/"):
            raise Broken(f"$ref outside the document: {reference}")
        node = document
        for part in reference[2:].split("/"):
            part = part.replace("~1", "/").replace("~0", "~")
            if part not in node:
                raise Broken(f"$ref to nothing: {reference}")
            node = node[part]
    raise Broken("$ref in a circle")


def problems(document, schema, value, where="answer"):
    """What is wrong with value, as a list of texts."""
    if schema is True:
        return []
    if schema is False:
        return [f"{where}: nothing is allowed here"]
    found = []
    if "$ref" in schema:
        found += problems(document, resolve(document, schema), value, where)
    for keyword, rule in schema.items():
        if keyword in NOTES or keyword == "$ref":
            continue
        if keyword not in RULES:
            raise Broken(f"keyword {keyword} is not known to tests/openapi/schema.py")
        found += RULES[keyword](document, schema, rule, value, where)
    return found


def need(good, where, text):
    return [] if good else [f"{where}: {text}"]


def rule_type(_document, _schema, rule, value, where):
    names = rule if isinstance(rule, list) else [rule]
    return need(any(TYPES[name](value) for name in names), where, f"{value!r} is not {rule}")


def rule_required(_document, _schema, rule, value, where):
    if not isinstance(value, dict):
        return []
    return [f"{where}: {name} is missing" for name in rule if name not in value]


def rule_properties(document, _schema, rule, value, where):
    if not isinstance(value, dict):
        return []
    return [problem for name, inner in rule.items() if name in value
            for problem in problems(document, inner, value[name], f"{where}.{name}")]


def rule_additional(document, schema, rule, value, where):
    if not isinstance(value, dict):
        return []
    return [problem for name, member in value.items() if name not in schema.get("properties", {})
            for problem in problems(document, rule, member, f"{where}.{name}")]


def rule_items(document, _schema, rule, value, where):
    if not isinstance(value, list):
        return []
    return [problem for index, member in enumerate(value)
            for problem in problems(document, rule, member, f"{where}[{index}]")]


def matching(document, rules, value):
    return sum(not problems(document, rule, value) for rule in rules)


def rule_any_of(document, _schema, rule, value, where):
    return need(matching(document, rule, value) >= 1, where, f"{value!r} is none of anyOf")


def rule_one_of(document, _schema, rule, value, where):
    count = matching(document, rule, value)
    return need(count == 1, where, f"{value!r} is {count} of oneOf")


def rule_all_of(document, _schema, rule, value, where):
    return [problem for inner in rule for problem in problems(document, inner, value, where)]


def limit(kind, good, text):
    """A rule about values of one kind."""
    def check(_document, _schema, rule, value, where):
        if not TYPES[kind](value):
            return []
        return need(good(rule, value), where, f"{value!r} {text} {rule!r}")
    return check


RULES = {
    "type": rule_type,
    "required": rule_required,
    "properties": rule_properties,
    "additionalProperties": rule_additional,
    "items": rule_items,
    "anyOf": rule_any_of,
    "oneOf": rule_one_of,
    "allOf": rule_all_of,
    "enum": lambda _d, _s, rule, value, where: need(value in rule, where, f"{value!r} not of {rule}"),
    "const": lambda _d, _s, rule, value, where: need(value == rule, where, f"{value!r} is not {rule!r}"),
    "pattern": limit("string", lambda rule, value: bool(re.search(rule, value)), "does not match"),
    "minLength": limit("string", lambda rule, value: len(value) >= rule, "is shorter than"),
    "maxLength": limit("string", lambda rule, value: len(value) <= rule, "is longer than"),
    "minItems": limit("array", lambda rule, value: len(value) >= rule, "has fewer items than"),
    "maxItems": limit("array", lambda rule, value: len(value) <= rule, "has more items than"),
    "minimum": limit("number", lambda rule, value: value >= rule, "is less than"),
    "maximum": limit("number", lambda rule, value: value <= rule, "is more than"),
    "exclusiveMinimum": limit("number", lambda rule, value: value > rule, "is not above"),
    "exclusiveMaximum": limit("number", lambda rule, value: value < rule, "is not below"),
    "multipleOf": limit("number", lambda rule, value: abs(value / rule - round(value / rule)) < 1e-6,
                        "is no multiple of"),
}
