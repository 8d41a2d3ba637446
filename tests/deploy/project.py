"""A platform's project in the deployment, and the endpoint of its customers. The deploy test's scenarios share it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import say


class Receiver(BaseHTTPRequestHandler):
    """A customer's endpoint: `/fail/N` answers the first N attempts of each delivery with a 500."""

    received = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        delivery = self.headers["webhook-id"]
        before = sum(1 for headers, _ in Receiver.received if headers["webhook-id"] == delivery)
        Receiver.received.append((dict((name.lower(), value) for name, value in self.headers.items()), body))
        failures = int(self.path.rpartition("/")[2] or 0)
        self.send_response(500 if before < failures else 200)
        self.end_headers()

    def log_message(self, *_):
        pass


def serve_receiver():
    """Starts the endpoint, and returns its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def received(marker):
    """The requests whose event has `marker` in its data."""
    return [(headers, body) for headers, body in list(Receiver.received) if f'"{marker}"'.encode() in body]


class Project:
    """A project with a key for everything. `permissions` is what the release's `admin` calls the key's permissions."""

    def __init__(self, deployment, receiver_url, permissions="permissions"):
        self.deployment, self.receiver_url = deployment, receiver_url
        deployment.invoke("Admin", {"command": "create_project", "project": "acme"})
        made = deployment.invoke("Admin", {
            "command": "create_key", "project": "acme", "environment": "test", permissions: ["manage", "publish", "read"],
        })
        self.key = made["key"]
        say(f"   a project, and a key {made['id'][:12]}…")

    def call(self, method, path, body=None):
        return self.deployment.call(method, path, self.key, body)

    def register(self, agent, path):
        """Sets the webhook of an agent, and returns the webhook's secret."""
        assert self.call("PUT", f"/v1/agents/{agent}", {})[0] in (200, 201)
        status, webhook = self.call("POST", f"/agentphone/v1/agents/{agent}/webhook", {"url": self.receiver_url + path})
        assert status == 200, (status, webhook)
        return webhook["secret"]

    def publish(self, agent, marker, **client_id):
        event = {"type": "call.completed", "agent_id": agent, "data": {"marker": marker}, **client_id}
        status, answer = self.call("POST", "/v1/events", event)
        assert status == 202, (status, answer)

    def logged(self, agent):
        """The log of the deliveries to an agent's webhook, newest first."""
        status, deliveries = self.call("GET", f"/agentphone/v1/agents/{agent}/webhook/deliveries")
        assert status == 200, (status, deliveries)
        return deliveries

    def logged_by_all(self):
        """The log of the deliveries to all agents' webhooks."""
        found, page = [], None
        while page is None or page["items"]:
            status, page = self.call("GET", f"/agentphone/v1/webhooks/deliveries?limit=100&offset={len(found)}")
            assert status == 200, (status, page)
            found += page["items"]
        return found
