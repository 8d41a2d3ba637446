"""Runs every call of the API reference against a local stack, and compares the answer with the answer on the page.

A call is an `sh` block with one curl. The block after it, `json 200` or `text 204`, is its answer: the status, and the
body with its keys in order. Ids, times and secrets differ from run to run, so only their form is compared. `$ID` in a
call is the id in the last answer that had one. A page's `http` blocks are the golden files in tests/golden/deliveries.

Usage: calls.py http://127.0.0.1:3000 [--write] [--inbox URL]

`--write` puts the answers into the pages. `--inbox` is a stack whose inbox gets the deliveries of an API without one.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time

from jsonschema import Draft202012Validator

from page import blocks, pages

ARGUMENTS = argparse.ArgumentParser()
ARGUMENTS.add_argument("url")
ARGUMENTS.add_argument("--write", action="store_true")
ARGUMENTS.add_argument("--inbox")
ARGUMENTS = ARGUMENTS.parse_args()
URL, WRITE, INBOX = ARGUMENTS.url, ARGUMENTS.write, ARGUMENTS.inbox or ARGUMENTS.url
GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "deliveries"
SCHEMAS = json.loads((pathlib.Path(__file__).resolve().parents[2] / "docs/reference/schemas.json").read_text())
PATIENCE_S = 20
# How long `--write` waits for deliveries to arrive.
SETTLED_S = 3

# A page shows the inbox at its usual port, whatever port this inbox has.
SHOWN_URL = "http://127.0.0.1:3000"
FORMS = [
    (re.compile(r"\bwh_[0-9a-f]{32}\b"), "wh"),
    # An event's id names its pack, or comes from the client id.
    (re.compile(r"\bevt_[0-9a-f]{30}([0-9a-f]{2})?\b"), "evt"),
    # A test call's id is random.
    (re.compile(r"\bdel_([0-9a-f]{32}|[A-Za-z0-9_-]{42})(?![A-Za-z0-9_-])"), "del"),
    (re.compile(r"\b(?!9fbef0b7)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "uuid"),
    (re.compile(r"whsec_[A-Za-z0-9+/=]{3,}(…[A-Za-z0-9+/=]{4})?"), "secret"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "time"),
    (re.compile(r'"response_time": \d+'), '"response_time": 0'),
]


def form(body):
    """The body with placeholders for values that differ from run to run. Keys keep their order."""
    text = json.dumps(body, ensure_ascii=False) if not isinstance(body, str) else body
    for pattern, name in FORMS:
        text = pattern.sub(name, text)
    return text


def run(call, identity):
    """Makes a call, and returns the status and body of its answer."""
    script = 'curl() { command curl -sS -w "\\n%{http_code}" "$@"; }\n' + call.replace(SHOWN_URL, INBOX)
    environment = {**os.environ, "API": URL, "KEY": "Authorization: Bearer sk_test_switchhook_local", "ID": identity}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (call, done.stderr)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body) if body else ""


def check_schema(call, status, body):
    """Holds a 2xx answer against the JSON Schema of its call's reply."""
    method = re.search(r"-X (\w+)", call)
    path = re.search(r"\$API(/[^\s\"'?]*)", call)
    if not path or not 200 <= status < 300:
        return
    asked = (method.group(1) if method else "GET", path.group(1).replace("$ID", "id"))
    # A literal segment is more than a parameter.
    rows = sorted(SCHEMAS.values(), key=lambda row: row["path"].count("{"))
    for row in rows:
        pattern = re.sub(r"\{\w+\}", "[^/]+", row["path"])
        if row["method"] == asked[0] and re.fullmatch(pattern, asked[1]):
            if row["reply"] is not None:
                Draft202012Validator(row["reply"]).validate(body)
            checked.add((row["method"], row["path"]))
            return
    assert asked[1] in ("/inbox",), f"no endpoint for {asked}"


def found_id(body):
    """The id in an answer, if it has one."""
    data = body.get("data", body) if isinstance(body, dict) else {}
    return data.get("id") if isinstance(data, dict) else None


def shown(body):
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return text.replace(INBOX, SHOWN_URL) + "\n" if text else ""


def check(path):
    """Runs a page's calls. Returns the page with the answers in it, and the number of calls."""
    text, identity, calls = path.read_text(), "", 0
    fenced = blocks(text)
    replacements = []
    for block, answer in zip(fenced, fenced[1:] + [None]):
        language, word, content = block.groups()
        if language == "http":
            golden = (GOLDEN / f"{word}.http").read_text()
            assert WRITE or content == golden, f"{path.name}: {word} is not the golden file"
            replacements.append((block.span(3), golden))
        if language != "sh" or answer is None or not answer.group(2).isdigit():
            continue
        expected_status, expected = int(answer.group(2)), answer.group(3).strip()
        started = time.monotonic()
        while True:
            status, body = run(content, identity)
            same = form(shown(body).strip()) == form(expected)
            is_read = not re.search(r"-X (?!GET)", content)
            waited_s = time.monotonic() - started
            # An event that was published a moment ago may not have arrived yet.
            settled = waited_s > SETTLED_S or not is_pending(body)
            if status == expected_status and (settled if WRITE else same):
                break
            if not is_read or waited_s > PATIENCE_S:
                sys.exit(f"{path.name}: {content}\nanswered {status} {shown(body)}instead of {expected_status} {expected}")
            time.sleep(0.1)
        check_schema(content, status, body)
        identity = found_id(body) or identity
        calls += 1
        replacements.append((answer.span(3), shown(body)))
    for (start, end), new in reversed(replacements):
        text = text[:start] + new + text[end:]
    return text, calls


def is_pending(body):
    """Whether an answer shows no delivery yet."""
    return body == [] or (isinstance(body, dict) and body.get("total") == 0)


checked = set()
total = 0
for path in pages():
    text, calls = check(path)
    if WRITE:
        path.write_text(text)
    total += calls
missing = {(row["method"], row["path"]) for row in SCHEMAS.values()} - checked
assert not missing, f"no documented call succeeds: {missing}"
print(f"{total} documented calls are answered as documented, and {len(checked)} endpoints as their schemas say")
