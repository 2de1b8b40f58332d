"""Write a typed Python client of the API from its description: `make client` → client/crm_client.py (N3).

One module of the standard library alone: a TypedDict for each schema, a method for each operation. The generators on the
market make some hundred files that need packages of their own; a tool inside the firm copies this one file.
"""

import argparse
import keyword
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_METHODS = ("get", "post", "put", "patch", "delete")


def python_type(schema: dict[str, Any]) -> str:
    """The Python type of a JSON schema; schemas of their own by name."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    for several in ("oneOf", "anyOf", "allOf"):
        if several in schema:
            return _one_of(python_type(one) for one in schema[several])
    if "enum" in schema:
        return f"Literal[{', '.join(repr(value) for value in schema['enum'])}]"
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    kind = schema.get("type")
    if isinstance(kind, list):
        return _one_of(python_type(schema | {"type": one}) for one in kind)
    if kind == "array":
        return f"list[{python_type(schema.get('items', {}))}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"dict[str, {python_type(values) if isinstance(values, dict) and values else 'Any'}]"
    if schema.get("format") == "binary":
        return "bytes"
    return _PLAIN.get(str(kind), "Any")


def _one_of(types: Iterator[str]) -> str:
    found = list(dict.fromkeys(types))
    return "Any" if "Any" in found else " | ".join(found)


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    if schema.get("type") != "object" or "properties" not in schema:
        yield f"{name}: TypeAlias = {python_type(schema)!r}"
        return
    required = set(schema.get("required", ()))
    yield f"{name} = TypedDict("
    yield f"    {name!r},"
    yield "    {"
    for key, value in schema["properties"].items():
        kind = python_type(value)
        yield f"        {key!r}: {kind if key in required else f'NotRequired[{kind}]'!r},"
    yield "    },"
    yield ")"


def _argument(name: str) -> str:
    made = re.sub(r"\W", "_", name).lower()
    return f"{made}_" if keyword.iskeyword(made) else made


def _content(holder: dict[str, Any]) -> tuple[str, str]:
    """Media type and Python type of a body or an answer; ('', 'None') without one."""
    content = holder.get("content", {})
    for media in ("application/json", "multipart/form-data", *content):
        if media in content:
            kind = python_type(content[media]["schema"])
            return media, kind if media in ("application/json", "multipart/form-data") else "bytes"
    return "", "None"


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    parameters = operation.get("parameters", [])
    in_path = [one for one in parameters if one["in"] == "path"]
    others = [one for one in parameters if one["in"] in ("query", "header")]
    others.sort(key=lambda one: not one.get("required"))
    media, body = _content(operation.get("requestBody", {}))
    done = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
    sent_back, answer = _content(done)
    arguments = [f"{_argument(one['name'])}: {python_type(one['schema'])}" for one in in_path]
    if media == "application/json":
        arguments.append(f"body: {body}")
    elif media:
        arguments += ["fields: dict[str, str]", "files: list[tuple[str, str, bytes]]"]
    if others:
        arguments.append("*")
    for one in others:
        kind = python_type(one["schema"])
        arguments.append(
            f"{_argument(one['name'])}: {kind if one.get('required') else _one_of(iter([kind, 'None'])) + ' = None'}"
        )
    yield f"    def {operation['operationId']}(self, {', '.join(arguments)}) -> {answer}:".replace("(self, )", "(self)")
    yield f'        """{_words(operation, method, path)}"""'
    address = re.sub(r"\{(\w+)\}", lambda found: f"{{_quoted({_argument(found[1])})}}", path.removeprefix("/api/v1"))
    query = ", ".join(f"{one['name']!r}: {_argument(one['name'])}" for one in others if one["in"] == "query")
    headers = ", ".join(f"{one['name']!r}: {_argument(one['name'])}" for one in others if one["in"] == "header")
    more = f", query={{{query}}}" if query else ""
    more += f", headers={{{headers}}}" if headers else ""
    more += ", body=body" if media == "application/json" else ", form=(fields, files)" if media else ""
    call = f'self._call("{method.upper()}", {"f" if in_path else ""}"{address}"{more})'
    if sent_back and answer == "bytes":
        yield f"        return {call}.content"
    elif answer == "None":
        yield f"        {call}"
    else:
        yield f"        found: {answer} = {call}.json()"
        yield "        return found"
    yield ""


def _words(operation: dict[str, Any], method: str, path: str) -> str:
    return f"{operation.get('summary', '').rstrip('.')}: {method.upper()} {path}".lstrip(": ").replace('"', "'")


def client(description: dict[str, Any]) -> str:
    """The whole module."""
    base = (ROOT / "scripts" / "client_base.py").read_text(encoding="utf-8")
    base = base.replace("import Any\n", "import Any, Literal, NotRequired, TypeAlias, TypedDict\n", 1)
    lines = [base.rstrip(), "", "", "#: The version of the API that this is made for."]
    lines += [f"VERSION = {description['info']['version']!r}"]
    for name, schema in description["components"]["schemas"].items():
        lines += _schema(name, schema)
    lines += ["", "", "class Crm(Caller):", '    """Every operation of the API; errors are `Refused`."""', ""]
    for path, operations in description["paths"].items():
        for method in _METHODS:
            if method in operations:
                lines += _operation(path, method, operations[method])
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Write the client."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--description", type=Path, default=ROOT / "docs" / "openapi.yaml")
    parser.add_argument("--out", type=Path, default=ROOT / "client" / "crm_client.py")
    given = parser.parse_args()
    text = client(yaml.safe_load(given.description.read_text(encoding="utf-8")))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
