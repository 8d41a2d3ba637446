"""AgentPhone's own Python client (PyPI: agentphone) against a local stack, unchanged but for its base URL.

Usage: agentphone_client.py http://127.0.0.1:3000
"""

import sys
import time

import agentphone
import requests
from receiver import Receiver, expect

URL = sys.argv[1]
AGENT = "agt_abc123"
# A conversation of its own, so that the messages of other checks are not in its history.
CONVERSATION = "conv_agentphone_client"
KEY = "sk_test_switchhook_local"
receiver = Receiver()


def check_signature(secret):
    """Reads the next delivery with the client's own check and parser."""
    headers, body = receiver.next()
    signed = (headers["x-webhook-signature"], secret, headers["x-webhook-timestamp"])
    event = agentphone.construct_event(body, *signed)
    try:
        agentphone.verify_webhook(body + b" ", *signed)
        sys.exit("the check accepts any body")
    except agentphone.WebhookVerificationError:
        return event


def wait_until(check, what):
    deadline = time.monotonic() + 30
    while not check():
        if time.monotonic() > deadline:
            sys.exit(f"never: {what}")
        time.sleep(0.02)


client = agentphone.AgentPhone(api_key=KEY, base_url=f"{URL}/agentphone")

# The agent's webhook
assert client.agents.get_webhook(AGENT) is None
webhook = client.agents.set_webhook(AGENT, receiver.url, context_limit=5, timeout=10)
assert (webhook.url, webhook.context_limit, webhook.timeout, webhook.status) == (receiver.url, 5, 10, "active"), webhook
assert client.agents.get_webhook(AGENT) == webhook
assert client.agents.test_webhook(AGENT) == {"success": True, "httpStatus": 200, "errorMessage": None}
event = check_signature(webhook.secret)
assert (event.event, event.test, event.agent_id) == ("agent.message", True, AGENT), event

data = {"conversationId": "conv_1", "from": "+1", "to": "+2", "message": "Hello", "messageId": "msg_1"}
published = {"type": "message.received", "agent_id": AGENT, "channel": "sms", "conversation_id": CONVERSATION, "data": data}
headers = {"Authorization": f"Bearer {KEY}"}
assert requests.post(f"{URL}/v1/events", json=published, headers=headers, timeout=30).status_code == 202
event = check_signature(webhook.secret)
assert (event.event, event.channel, event.data.message) == ("agent.message", "sms", "Hello"), event
wait_until(lambda: client.agents.list_webhook_deliveries(AGENT), "a delivery in the log")
[delivery] = client.agents.list_webhook_deliveries(AGENT, limit=10)
assert (delivery.status, delivery.attempt_count, delivery.http_status) == ("success", 1, 200), delivery
assert (delivery.message_id, delivery.event_type, delivery.response_body) == ("msg_1", "agent.message", "ok"), delivery

# The project's default
assert client.webhooks.get() is None
default = client.webhooks.set(receiver.url)
assert (default.context_limit, default.timeout) == (10, 30), default
assert client.webhooks.get() == default
assert client.webhooks.test(from_="+3", message="Hi", channel="imessage")["success"]
event = check_signature(default.secret)
assert (event.data.from_number, event.data.message, event.channel) == ("+3", "Hi", "imessage"), event

# The override ends with the agent's webhook
assert client.agents.delete_webhook(AGENT) == {"success": True}
assert requests.post(f"{URL}/v1/events", json=published, headers=headers, timeout=30).status_code == 202
event = check_signature(default.secret)
assert (event.data.message, event.conversation_state) == ("Hello", None), event
[earlier] = event.recent_history
assert (earlier.content, earlier.direction, earlier.channel) == ("Hello", "inbound", "sms"), earlier

# The project's deliveries
wait_until(lambda: client.webhooks.list_deliveries(), "a delivery of the project in the log")
[delivery] = client.webhooks.list_deliveries(limit=5, offset=0, hours=1)
assert (delivery.status, delivery.event_type) == ("success", "agent.message"), delivery
stats = client.webhooks.get_delivery_stats(hours=1)
assert (stats.total, stats.success, stats.failed, stats.pending, stats.success_rate) == (1, 1, 0, 0, 100.0), stats
assert stats.by_event_type == {"agent.message": {"success": 1}} and stats.by_hour[0]["total"] == 1, stats
assert client.webhooks.get_all_time_stats() == {"total": 1, "success": 1, "failed": 0, "successRate": 100.0}
assert client.webhooks.delete() == {"success": True}

# The client's errors
missing = expect(agentphone.NotFoundError, lambda: client.agents.get_webhook("agt_nobody"))
assert missing.message == "Agent not found.", missing
expect(agentphone.NotFoundError, client.webhooks.delete)
expect(agentphone.AuthenticationError, agentphone.AgentPhone(api_key="wrong", base_url=client.base_url).webhooks.get)
refused = expect(agentphone.AgentPhoneError, lambda: client.webhooks.set("ftp://example.com"))
assert refused.status == 422 and refused.message[0]["loc"] == ["body", "url"], refused
print("AgentPhone's Python client is served")
