"""The documentation as one HTML page, made from the OpenAPI document: no script, style or font from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import orjson

STYLE = """
:root { color-scheme: light dark; --ink: #16202b; --soft: #5b6875; --paper: #f7f8fa; --card: #fff; --line: #dfe4ea;
  --accent: #0b6e8a; --code: #eef2f5; --good: #1c7c4a; --bad: #b3372f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ee; --soft: #9aa7b4; --paper: #11171d; --card: #182028;
  --line: #2a3540; --accent: #5fc3de; --code: #212b35; --good: #65c890; --bad: #f08a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 5rem; }
h1 { font-size: 2rem; margin: 0; letter-spacing: -0.01em; }
h1 small { font-size: 0.9rem; font-weight: 400; color: var(--soft); margin-left: 0.5rem; }
h2 { font-size: 1.15rem; margin: 0; display: flex; gap: 0.75rem; align-items: baseline; flex-wrap: wrap; }
h3 { font-size: 0.8rem; text-transform: uppercase; letter-spacing: 0.06em; color: var(--soft);
  margin: 1.75rem 0 0.5rem; }
a { color: var(--accent); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.25rem 1.5rem 1.5rem;
  margin-top: 1.5rem; }
code, pre, input, select, button { font: 0.88rem/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
code { background: var(--code); border-radius: 4px; padding: 0.1rem 0.3rem; overflow-wrap: anywhere; }
h2 code { background: none; padding: 0; font-size: 1rem; }
pre { background: var(--code); border-radius: 8px; padding: 0.9rem 1rem; margin: 0.5rem 0 0; overflow: auto;
  max-height: 26rem; }
.verb { font: 700 0.75rem/1 system-ui, sans-serif; color: var(--card); background: var(--accent); border-radius: 4px;
  padding: 0.3rem 0.5rem; align-self: center; }
table { width: 100%; border-collapse: collapse; font-size: 0.92rem; }
td, th { text-align: left; vertical-align: top; padding: 0.4rem 0.75rem 0.4rem 0; border-top: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); border-top: 0; }
td:first-child { white-space: nowrap; }
form { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 0.75rem; align-items: end; }
form details { grid-column: 1 / -1; } form details div { display: grid; gap: 0.75rem; align-items: end;
  grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); }
label { display: grid; gap: 0.25rem; font-size: 0.8rem; color: var(--soft); }
input, select { width: 100%; padding: 0.45rem 0.6rem; border: 1px solid var(--line); border-radius: 6px;
  background: var(--paper); color: var(--ink); }
button { padding: 0.5rem 1rem; border: 0; border-radius: 6px; background: var(--accent); color: var(--card);
  font-weight: 700; cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
summary { cursor: pointer; padding: 0.5rem 0; font-weight: 600; }
.told { margin-top: 0.75rem; font-size: 0.85rem; color: var(--soft); overflow-wrap: anywhere; }
.good { color: var(--good); } .bad { color: var(--bad); }
"""

SCRIPT = """
const given = (form) => {
  let path = form.dataset.path;
  const query = [];
  for (const field of form.elements) {
    if (!field.name || (!field.value && field.dataset.in === "query")) continue;
    const value = encodeURIComponent(field.value).replaceAll("%2C", ",");
    if (field.dataset.in === "path") path = path.replace("{" + field.name + "}", value);
    else query.push(field.name + "=" + value);
  }
  return "." + path + (query.length ? "?" + query.join("&") : "");
};
for (const form of document.querySelectorAll("form")) {
  const told = form.nextElementSibling, body = told.nextElementSibling;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const url = new URL(given(form), location.href);
    told.textContent = "GET " + url;
    const began = performance.now();
    try {
      const answer = await fetch(url);
      const text = await answer.text();
      const word = document.createElement("b");
      word.className = answer.ok ? "good" : "bad";
      word.textContent = " " + answer.status + " ";
      const kilobytes = (new Blob([text]).size / 1000).toFixed(1);
      told.append(word, kilobytes + " kB in " + (performance.now() - began).toFixed(0) + " ms");
      body.textContent = JSON.stringify(JSON.parse(text), null, 2);
    } catch (error) { body.textContent = String(error); }
    body.hidden = false;
  });
}
"""

SEEN = 4
"""How many parameters of a query a form shows before the others are unfolded."""


def docs_page(document: dict[str, Any]) -> str:
    """The page of an OpenAPI document: every operation with a form to try it, every schema as a table."""
    info = document["info"]
    operations = [
        _operation(path, verb, operation)
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
    ]
    description = "".join(f"<p>{_prose(part)}</p>" for part in info["description"].split("\n\n"))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(info['title'])} API</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{escape(info['title'])} API<small>{escape(info['version'])}</small></h1>{description}"
        '<p><a href="openapi.json">openapi.json</a> describes all of this for programs, '
        '<a href="status">status</a> tells how the data stands.</p>'
        f"{''.join(operations)}{_schemas(document['components']['schemas'])}"
        f"</main><script>{SCRIPT}</script></body></html>"
    )


def _operation(path: str, verb: str, operation: dict[str, Any]) -> str:
    parameters = operation.get("parameters", [])
    text = operation.get("description", "")
    return (
        f'<section id="{escape(operation["operationId"])}">'
        f'<h2><span class="verb">{verb.upper()}</span><code>{escape(path)}</code></h2><p>{_prose(text)}</p>'
        f"{_parameters(parameters)}<h3>Try it</h3>{_form(path, parameters)}"
        f'<div class="told"></div><pre hidden></pre><h3>Answers</h3>{_answers(operation["responses"])}</section>'
    )


def _parameters(parameters: list[dict[str, Any]]) -> str:
    if not parameters:
        return ""
    rows = [(f"<code>{row['name']}</code>", escape(row["in"]), _prose(_with_choices(row))) for row in parameters]
    return "<h3>Parameters</h3>" + _table(("name", "in", "meaning"), rows)


def _with_choices(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    choices = schema.get("enum") or schema.get("items", {}).get("enum") or []
    if "maximum" in schema:
        return f"{parameter['description']}. From {schema['minimum']} to {schema['maximum']}"
    if not choices:
        return str(parameter["description"])
    which = "One of" if "enum" in schema else "Some of"
    return f"{parameter['description']}. {which} {', '.join(f'`{choice}`' for choice in choices)}"


def _form(path: str, parameters: list[dict[str, Any]]) -> str:
    """A form of an operation: what its path needs and the first parameters of its query, the others folded away."""
    fields = [_field(row) for row in parameters]
    seen = sum(row["in"] == "path" for row in parameters) + SEEN
    folded = f"<details><summary>More parameters</summary><div>{''.join(fields[seen:])}</div></details>"
    return (
        f'<form data-path="{escape(path)}">{"".join(fields[:seen])}{folded if fields[seen:] else ""}'
        "<button>Send</button></form>"
    )


def _field(row: dict[str, Any]) -> str:
    name, schema, example = escape(row["name"]), row["schema"], escape(_written(row["example"]))
    about = f'name="{name}" data-in="{row["in"]}"'
    if choices := schema.get("enum"):
        options = "".join(
            f"<option{' selected' if choice == example and name == 'units' else ''}>{escape(choice)}</option>"
            for choice in ("", *choices)
        )
        return f"<label>{name}<select {about}>{options}</select></label>"
    if schema["type"] in ("integer", "number"):
        bounds = "".join(
            f' {short}="{schema[long]}"' for short, long in (("min", "minimum"), ("max", "maximum")) if long in schema
        )
        about += f' type="number"{bounds}'
    value = example if row["required"] else ""
    return f'<label>{name}<input {about} value="{value}" autocomplete="off" placeholder="{example}"></label>'


def _written(example: Any) -> str:
    """An example as it stands in an address."""
    return ",".join(map(str, example)) if isinstance(example, list) else str(example)


def _answers(responses: dict[str, Any]) -> str:
    rows = []
    examples = []
    for status, answer in responses.items():
        rows.append(
            (f"<code>{status}</code>", _prose(answer["description"]), escape(", ".join(answer.get("content", {}))))
        )
        for content in answer.get("content", {}).values():
            if "example" in content and status in ("200", "400"):
                shown = orjson.dumps(content["example"], option=orjson.OPT_INDENT_2).decode()
                examples.append(f"<details><summary>Example of {status}</summary><pre>{escape(shown)}</pre></details>")
    return _table(("status", "meaning", "type"), rows) + "".join(examples)


def _schemas(schemas: dict[str, Any]) -> str:
    parts = []
    for name, schema in schemas.items():
        if "properties" not in schema:
            continue
        rows = [
            (f"<code>{escape(key)}</code>", escape(" or ".join(_types(value))), _prose(value.get("description", "")))
            for key, value in schema["properties"].items()
        ]
        parts.append(
            f'<details id="{escape(name)}"><summary>{escape(name)}</summary>'
            f"{_table(('field', 'type', 'meaning'), rows)}</details>"
        )
    return f"<section><h2>What the answers hold</h2>{''.join(parts)}</section>"


def _types(schema: dict[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        yield schema["$ref"].rsplit("/", 1)[1]
    elif "anyOf" in schema:
        for choice in schema["anyOf"]:
            yield from _types(choice)
    elif schema.get("type") == "array" and "items" in schema:
        yield "list of " + " or ".join(_types(schema["items"]))
    else:
        named = schema.get("type", "any")
        yield from [named] if isinstance(named, str) else named


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _prose(text: str) -> str:
    """Escaped text in which `this` is code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
