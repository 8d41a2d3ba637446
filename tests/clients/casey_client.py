"""A receiver and a caller written from Casey's documents alone, against a local stack. The Standard Webhooks project's
own Python library (PyPI: standardwebhooks) and Svix's (PyPI: svix) verify each delivery.

Usage: casey_client.py http://127.0.0.1:3000
"""

import sys

import requests
import standardwebhooks
import svix.webhooks
from receiver import Receiver, expect

URL = sys.argv[1]
WEBHOOKS = f"{URL}/casey/v1/backend/webhooks"
HEADERS = {"Authorization": "Bearer sk_test_switchhook_local"}
receiver = Receiver()


def call(method, url, status, **arguments):
    answer = requests.request(method, url, headers=HEADERS, timeout=30, **arguments)
    assert answer.status_code == status, (answer.status_code, answer.text)
    return answer.json() if answer.content else None


def check(secret):
    """The payload of the next delivery. Both libraries must accept the delivery, and refuse it with a byte added."""
    headers, body = receiver.next()
    payload = standardwebhooks.Webhook(secret).verify(body, headers)
    svix.webhooks.Webhook(secret).verify(body, headers)
    for library in (standardwebhooks, svix.webhooks):
        expect(library.WebhookVerificationError, lambda: library.Webhook(secret).verify(body + b" ", headers))
    return payload


endpoint = call("POST", WEBHOOKS, 201, json={"url": receiver.url})["data"]
assert call("GET", f"{WEBHOOKS}/{endpoint['id']}/secret", 200) == {"data": {"secret": endpoint["secret"]}}
message_id = call("POST", f"{WEBHOOKS}/test", 200)["data"]["message_id"]
payload = check(endpoint["secret"])
assert (payload["event_type"], payload["event_id"]) == ("test.event", message_id), payload

event = {"type": "conversation.completed", "data": {"conversation_id": "conv_1"}}
call("POST", f"{URL}/v1/events", 202, json=event)
payload = check(endpoint["secret"])
assert (payload["event_type"], payload["data"]) == ("conversation.completed", event["data"]), payload

call("DELETE", f"{WEBHOOKS}/{endpoint['id']}", 204)
assert call("GET", f"{WEBHOOKS}/{endpoint['id']}", 404)["error"]["code"] == "not_found"
print("Casey's customers are served")
