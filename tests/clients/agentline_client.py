"""AgentLine's own Python client (PyPI: agentline-ai) against a local stack, unchanged but for its base URL.

Usage: agentline_client.py http://127.0.0.1:3000
"""

import hashlib
import hmac
import sys

from agentline_ai import AgentLine
from agentline_ai.core.api_error import ApiError
from agentline_ai.errors import UnprocessableEntityError
from receiver import Receiver, expect

URL = sys.argv[1]
AGENT = "9fbef0b7-8d4e-4a08-9207-66c22155721d"
receiver = Receiver()
client = AgentLine(api_key="sk_live_switchhook_local", base_url=f"{URL}/agentline")

assert client.webhooks.list() == {"webhooks": [], "count": 0}
created = client.webhooks.set(url=receiver.url, agent_id=AGENT)
assert (created.agent_id, created.url, created.signature_header) == (AGENT, receiver.url, "X-AgentLine-Signature")
[listed] = client.webhooks.list(agent_id=AGENT)["webhooks"]
assert listed["secret"] == f"{created.secret[:10]}…{created.secret[-4:]}", listed
assert client.webhooks.test(agent_id=AGENT) == {"sent": True, "url": receiver.url, "event_type": "webhook.test"}
headers, body = receiver.next()
signature = hmac.new(created.secret.encode(), body, hashlib.sha256).hexdigest()
assert headers["x-agentline-signature"] == signature, headers
assert headers["x-agentline-event"] == "webhook.test", headers

replaced = client.webhooks.set(url=receiver.url, agent_id=AGENT, signature_header="X-Hub-Signature-256")
assert replaced.secret == created.secret, "a secret that is left out stays"
client.webhooks.test(agent_id=AGENT)
headers, body = receiver.next()
signature = hmac.new(created.secret.encode(), body, hashlib.sha256).hexdigest()
assert headers["x-hub-signature-256"] == "sha256=" + signature, headers

assert client.webhooks.delete(agent_id=AGENT) == {"deleted": True, "agent_id": AGENT}
assert expect(ApiError, lambda: client.webhooks.delete(agent_id=AGENT)).status_code == 404
refused = expect(UnprocessableEntityError, lambda: client.webhooks.set(url="ftp://example.com", agent_id=AGENT))
assert refused.body.detail[0].loc == ["body", "url"], refused.body
wrong = AgentLine(api_key="wrong", base_url=f"{URL}/agentline")
assert expect(ApiError, wrong.webhooks.list).status_code == 401
print("AgentLine's Python client is served")
