"""Verifies every delivery of every dialect, by the API reference's code in each of its languages, and by the Standard
Webhooks project's own library. All of them must refuse the delivery with a byte added. Fails if a page has code that no
delivery was verified by.

Usage: signatures.py http://127.0.0.1:3000     needs: node, php, standardwebhooks (PyPI)
"""

import base64
import json
import pathlib
import subprocess
import sys
import tempfile

import requests
import standardwebhooks

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients"))
from page import FOLDER, blocks, pages  # noqa: E402
from receiver import Receiver  # noqa: E402

URL = sys.argv[1]
LINE_AGENT, PHONE_AGENT = "agt_signatures_line", "agt_signatures_phone"
HEADERS = {"Authorization": "Bearer sk_test_switchhook_local"}
NAMES = [
    "call.received", "call.completed", "call.failed", "message.received", "message.reaction", "conversation.started",
    "conversation.completed", "conversation.abandoned", "agent.message", "sms.received", "event_phone_call_started",
    "event_action", "event_recording", "invoice.paid",
]
SECRETS = ["optional_secret_for_hmac", "grüße", "whsec_AQI", "whsec_k6eUiUhP84/qqcvFdnAirLVmlH/T83rh"]

# The `verify` blocks that have verified deliveries: the page's name, and the block's code.
checked = set()

# The program that each language needs around a page's `verify`. It reads cases as JSON, and prints a list of booleans.
RUNNERS = {
    "python": ("py", ["python3"], """{snippet}
import base64, json, sys
print(json.dumps([verify(c["secret"], c["headers"], base64.b64decode(c["body"]), *c["more"]) for c in json.load(sys.stdin)]))
"""),
    "js": ("mjs", ["node"], """{snippet}
import {{ readFileSync }} from "node:fs";
const cases = JSON.parse(readFileSync(0));
console.log(JSON.stringify(cases.map((c) => verify(c.secret, c.headers, Buffer.from(c.body, "base64"), ...c.more))));
"""),
    "php": ("php", ["php"], """<?php
{snippet}
$cases = json_decode(stream_get_contents(STDIN), true);
echo json_encode(array_map(fn ($c) => verify($c["secret"], $c["headers"], base64_decode($c["body"]), ...$c["more"]), $cases));
"""),
}


def call(method, path, status, body=None):
    answer = requests.request(method, f"{URL}{path}", headers=HEADERS, json=body, timeout=30)
    assert answer.status_code == status, (path, answer.status_code, answer.text)
    return answer.json() if answer.content else None


def publish(agent):
    """Publishes one event under each of the names, with data that is hard to keep byte for byte."""
    for name in NAMES:
        data = '{"n": 1.10, "big": 12345678901234567890123, "text": "Grüße 🦀 \\u00e4 / \\/"}'
        event = f'{{"type": "{name}", "agent_id": "{agent}", "channel": "sms", "data": {data}}}'.encode()
        answer = requests.post(f"{URL}/v1/events", data=event, headers=HEADERS, timeout=30)
        assert answer.status_code == 202, answer.text


def talkover_names():
    """Talkover's name of an event, by each other name of the event. It is read from the generated table of events."""
    lines = (FOLDER.parent / "reference" / "events.md").read_text().splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("| native |"))
    rows = [[cell.strip(" `") for cell in line.split("|")] for line in lines[start:lines.index("", start)]]
    talkover = rows[0].index("talkover")
    # The row after the header only separates.
    return {name: row[talkover] for row in rows[2:] for name in row if name and row[talkover]}


def verify_blocks(page):
    """The language and the code of each block of a page that is named `verify`."""
    text = (FOLDER / f"{page}.md").read_text()
    return [(block.group(1), block.group(3)) for block in blocks(text) if block.group(2) == "verify"]


def run(language, snippet, cases):
    suffix, command, around = RUNNERS[language]
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / f"verify.{suffix}"
        file.write_text(around.format(snippet=snippet))
        done = subprocess.run([*command, str(file)], input=json.dumps(cases), capture_output=True, text=True)
    assert done.returncode == 0, (language, done.stderr)
    return json.loads(done.stdout)


def case(secret, headers, body, more):
    return {"secret": secret, "headers": headers, "body": base64.b64encode(body).decode(), "more": more}


def verifies(secret, headers, body):
    """Whether the Standard Webhooks library accepts a delivery. Secrets that are not `whsec_` and base64 are bytes."""
    try:
        key = secret if secret == SECRETS[3] or len(secret) == 38 else secret.encode()
        standardwebhooks.Webhook(key).verify(body, headers)
        return True
    except standardwebhooks.WebhookVerificationError:
        return False


def check(page, deliveries):
    """Each delivery is (secret, headers, body, more arguments of the page's `verify`)."""
    good = [case(*delivery) for delivery in deliveries]
    bad = [case(secret, headers, body + b" ", more) for secret, headers, body, more in deliveries]
    for source in (page, "README"):
        found = verify_blocks(source)
        assert sorted(language for language, _ in found) == sorted(RUNNERS), (source, found)
        for language, snippet in found:
            one = [{**each, "more": [] if source == "README" else each["more"]} for each in good + bad]
            assert run(language, snippet, one) == [True] * len(good) + [False] * len(bad), (page, source, language)
            checked.add((source, snippet))
    for secret, headers, body, _ in deliveries:
        assert verifies(secret, headers, body) and not verifies(secret, headers, body + b" "), (page, headers)
    print(f"{page}: {len(deliveries)} deliveries are verified in {', '.join(RUNNERS)} and by the standard library")


def received(receiver, count):
    return [receiver.next() for _ in range(count)]


for agent in (LINE_AGENT, PHONE_AGENT):
    call("PUT", f"/v1/agents/{agent}", 201, {"name": "Ada"})

# AgentLine: each header, each kind of secret
receiver, deliveries = Receiver(), []
for index, header in enumerate(["X-AgentLine-Signature", "X-Own", "X-Hub-Signature-256", "X-Webhook-Signature"]):
    secret = SECRETS[index]
    body = {"url": receiver.url, "agent_id": LINE_AGENT, "secret": secret, "signature_header": header}
    call("POST", "/agentline/v1/webhooks", 200, body)
    publish(LINE_AGENT)
    call("POST", f"/agentline/v1/webhooks/test?agent_id={LINE_AGENT}", 200)
    for headers, body in received(receiver, len(NAMES) + 1):
        deliveries.append((secret, headers, body, [header.lower()]))
call("DELETE", f"/agentline/v1/webhooks?agent_id={LINE_AGENT}", 200)
check("agentline", deliveries)

# AgentPhone: the agent's and the default, events and tests
receiver, deliveries = Receiver(), []
path = f"/agentphone/v1/agents/{PHONE_AGENT}/webhook"
for path, agent in [(path, PHONE_AGENT), ("/agentphone/v1/webhooks", LINE_AGENT)]:
    secret = call("POST", path, 200, {"url": receiver.url})["secret"]
    publish(agent)
    call("POST", f"{path}/test", 200)
    deliveries += [(secret, headers, body, []) for headers, body in received(receiver, len(NAMES) + 1)]
    call("DELETE", path, 200)
check("agentphone", deliveries)

# Talkover: each method, each kind of secret, with and without a template
webhooks, deliveries = f"/talkover/api/v1/agents/{PHONE_AGENT}/webhooks", []
available = list(call("GET", webhooks, 200)["data"]["available_events"])
template = {name: {"e": "{{event}} {{text}}", "n": "{{n}}"} for name in available[:3]}
names = talkover_names()
for_talkover = [name for name in NAMES if names.get(name, name) in available]
for index, secret in enumerate(SECRETS):
    receiver = Receiver()
    settings = {
        "name": "Signatures", "webhook_url": receiver.url, "webhook_secret": secret, "events": available,
        "http_method": ["POST", "PUT", "PATCH"][index % 3], "payload_templates": template if index % 2 else None,
    }
    created = call("POST", webhooks, 201, settings)["data"]
    publish(PHONE_AGENT)
    call("POST", f"{webhooks}/{created['id']}/test", 200)
    deliveries += [(secret, headers, body, []) for headers, body in received(receiver, len(for_talkover) + 1)]
    call("DELETE", f"{webhooks}/{created['id']}", 200)
check("talkover", deliveries)

# Casey: every type, and the test
receiver = Receiver()
types = [name for name in NAMES if name not in ("agent.message", "sms.received", "event_phone_call_started")]
endpoint = call("POST", "/casey/v1/backend/webhooks", 201, {"url": receiver.url, "event_types": types})["data"]
publish(LINE_AGENT)
call("POST", "/casey/v1/backend/webhooks/test", 200)
deliveries = [(endpoint["secret"], headers, body, []) for headers, body in received(receiver, len(NAMES) + 1)]
check("casey", deliveries)
call("DELETE", f"/casey/v1/backend/webhooks/{endpoint['id']}", 204)

for agent in (LINE_AGENT, PHONE_AGENT):
    call("DELETE", f"/v1/agents/{agent}", 204)

unchecked = {(page.stem, code) for page in pages() for _, code in verify_blocks(page.stem)} - checked
assert not unchecked, f"no delivery was verified by this code: {unchecked}"
