"""Deploys the built template to a third-party AWS emulator, and uses it as platforms and customers do.

    deploy.py SAM BUILD_DIR

SAM is the command `sam`. BUILD_DIR holds the output of `sam build --parameter-overrides Architecture=<this machine's>`.
The emulator, MiniStack (PyPI), runs the real binaries.
"""

import json
import pathlib
import shutil
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

from emulator import PARAMETERS, STACK, Deployment, Emulator, mappings
from harness import say, wait_until

# The emulator may end one function's process for its new code, and one for its new environment.
REPEATED_MAX = 2
ROOT = pathlib.Path(__file__).resolve().parents[2]


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


def received(marker):
    return [(headers, body) for headers, body in list(Receiver.received) if marker.encode() in body]


def use(deployment, receiver_url):
    say("== admin")
    deployment.invoke("Admin", {"command": "create_project", "project": "acme"})
    made = deployment.invoke("Admin", {
        "command": "create_key", "project": "acme", "environment": "test", "permissions": ["manage", "publish", "read"],
    })
    key = made["key"]
    say(f"   a project, and a key {made['id'][:12]}…")

    def publish(agent, marker):
        status, answer = deployment.call("POST", "/v1/events", key, {
            "type": "call.completed", "agent_id": agent, "data": {"marker": marker},
        })
        assert status == 202, (status, answer)

    def register(agent, path):
        assert deployment.call("PUT", f"/v1/agents/{agent}", key, {})[0] in (200, 201)
        status, webhook = deployment.call("POST", f"/agentphone/v1/agents/{agent}/webhook", key, {"url": receiver_url + path})
        assert status == 200, (status, webhook)
        return webhook

    say("== register, publish, deliver")
    webhook = register("agt_well", "/ok/0")
    publish("agt_well", "first-event")
    headers, body = wait_until("the delivery", lambda: received("first-event"))[0]
    Webhook(webhook["secret"]).verify(body, headers)
    say(f"   delivered, and its signature verified: {headers['webhook-id']}")
    assert deployment.call("GET", "/agentphone/v1/webhooks", "sk_test_guessed")[0] == 401

    say("== fail and retry")
    register("agt_flaky", "/fail/1")
    publish("agt_flaky", "flaky-event")
    wait_until("the retry", lambda: len(received("flaky-event")) == 2)
    listing = "/agentphone/v1/agents/{}/webhook/deliveries"
    logged = wait_until("the log", lambda: [
        entry for entry in deployment.call("GET", listing.format("agt_flaky"), key)[1] if entry["status"] == "success"
    ])
    assert logged[0]["attemptCount"] == 2, logged
    say("   500, then 200 three seconds later; the log says two attempts")

    say("== metrics")
    lines = wait_until("the metrics in the log", lambda: deployment.logged('"Delivered"'))
    assert lines[0]["Dialect"] == "agentphone" and lines[0]["Latency"][0] > 0, lines[0]
    say(f"   in the log: {lines[0]['Delivered'][0]:.0f} delivered, after {lines[0]['Latency'][0]:.0f} ms")

    say("== log")
    failed = wait_until("the failed attempt in the log", lambda: deployment.logged('"an attempt failed"'))[0]
    assert failed["span"]["function"] == "pipeline-deliver" and failed["span"]["request_id"], failed
    say(f"   a line says so: attempt {failed['attempt']} of {failed['delivery_id'][:12]}… was answered {failed['http_status']}")

    say("== sweep")
    register("agt_lost", "/fail/1")
    sqs = deployment.emulator.client("sqs")
    for mapping in mappings(deployment, "RetriesQueue", Enabled=False):
        say(f"   the retries' poller {mapping[:8]} is stopped, and its queue emptied")
    publish("agt_lost", "lost-event")
    wait_until("the first attempt", lambda: received("lost-event"))
    wait_until("its retry in the log", lambda: [
        entry for entry in deployment.call("GET", listing.format("agt_lost"), key)[1] if entry["nextRetryAt"]
    ])
    sqs.purge_queue(QueueUrl=deployment.queue("RetriesQueue"))
    mappings(deployment, "RetriesQueue", Enabled=True)
    wait_until("sweep to bring it back", lambda: deployment.invoke("PipelineSweep", {}) or len(received("lost-event")) == 2)
    say("   a retry whose message was lost was queued again")

    say("== dead letters")
    deployment.hide_for("EventsQueue", seconds=1)
    sqs.send_message(QueueUrl=deployment.queue("EventsQueue"), MessageBody='{"v": 99}')
    wait_until("the dead letter", lambda: deployment.length("EventsDeadLetters") == 1)
    say("   a message of an unknown version is in the events' dead letters")
    return key, publish


def next_release(build, folder):
    """Makes a release that differs from a build only in its version. Returns the `User-Agent` of its deliveries."""
    shutil.copytree(build, folder)
    version = next(line.split('"')[1] for line in open(f"{ROOT}/Cargo.toml") if line.startswith("version"))
    following = version[:-1] + ("0" if version[-1] == "9" else chr(ord(version[-1]) + 1))
    changed = 0
    for path in pathlib.Path(folder).glob("*/bootstrap"):
        program = path.read_bytes()
        changed += program.count(f"Switchhook/{version}".encode())
        path.write_bytes(program.replace(f"Switchhook/{version}".encode(), f"Switchhook/{following}".encode()))
    assert changed, "no program has its version in it"
    return f"Switchhook/{following}"


def update(deployment, publish, folder):
    """Updates the stack to a new release while events flow.

    MiniStack ends a function's process to update it, even in the middle of an invocation. Lambda would let the
    invocation finish. So the platform publishes an event again if it got no 202. SQS shows a message in flight again,
    here after seconds instead of minutes.
    """
    stop, published, repeated = threading.Event(), [], []
    for queue in ("EventsQueue", "DeliveriesQueue", "RetriesQueue"):
        deployment.hide_for(queue, seconds=5)
    agent = next_release(deployment.build, folder)
    deployment.build = folder

    def is_new(marker):
        return any(headers["user-agent"] == agent for headers, _ in received(marker))

    def flow():
        while not stop.is_set():
            marker = f"flow-{len(published)}-"
            try:
                publish("agt_well", marker)
                published.append(marker)
            except AssertionError as refusal:
                repeated.append(refusal)
            time.sleep(0.1)

    platform = threading.Thread(target=flow)
    platform.start()
    try:
        # The update also rotates the sealing key. Other parameters keep their values.
        deployment.deploy(SealingKeyId="k2", OldSealingKeyId="k1")
        wait_until("deliveries by the new release", lambda: published and is_new(published[-1]))
    finally:
        stop.set()
        platform.join()
    assert len(repeated) <= REPEATED_MAX, repeated
    wait_until("every event of the update", lambda: all(received(marker) for marker in published))
    new = [is_new(marker) for marker in published]
    assert not new[0], "the first event was delivered by the new release"
    say(f"   {len(published)} events published meanwhile, all delivered: {new.count(False)} before, {new.count(True)} by {agent}")
    if repeated:
        say(f"   {len(repeated)} of them published again: the emulator ended the function that took them")


def rotate(deployment, publish):
    """Seals every secret with the new key, and removes the old key."""
    resealed = deployment.invoke("Admin", {"command": "reseal", "project": "acme"})
    assert resealed["resealed"] >= 3 and resealed["done"], resealed
    deployment.deploy(OldSealingKeyId='""')
    environment = deployment.environment("PipelineDeliver")
    assert environment["SEALING_KEYS"].startswith("k2:") and "," not in environment["SEALING_KEYS"]
    assert environment["RETRY_SCHEDULE"] == PARAMETERS["RetrySchedule"], environment
    publish("agt_well", "rotated-event")
    wait_until("a delivery after the rotation", lambda: received("rotated-event"))
    say(f"   {resealed['resealed']} webhooks' secrets sealed again, the old key forgotten, and an event delivered")


def main():
    sam, build = sys.argv[1:]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Emulator() as emulator:
        emulator.wait()
        deployment = Deployment(emulator, sam, build)
        say("== sam deploy")
        deployment.deploy(**PARAMETERS)
        _, publish = use(deployment, f"http://127.0.0.1:{server.server_address[1]}")
        say("== update, while events flow")
        with tempfile.TemporaryDirectory() as folder:
            update(deployment, publish, f"{folder}/build")
            say("== rotate the sealing key")
            rotate(deployment, publish)
        say("== delete")
        deployment.run_sam("delete", "--stack-name", STACK, "--no-prompts")
        left = emulator.client("lambda").list_functions()["Functions"]
        assert not left, left
        kept = emulator.client("dynamodb").list_tables()["TableNames"]
        assert len(kept) == 2, kept
        say("   no function is left; both tables are kept")
    say("deployed, used, updated and deleted")


if __name__ == "__main__":
    main()
