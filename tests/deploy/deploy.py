"""Deploys the built template to an AWS emulator that is nobody's here, and uses it as platforms and customers do.

    deploy.py SAM BUILD_DIR

SAM is the command `sam`; BUILD_DIR holds what `sam build --parameter-overrides Architecture=<this machine's>` built. MiniStack
(PyPI) runs the real binaries. What it lacks is made up for here, and said in the transcript.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from standardwebhooks import Webhook

STACK = "switchhook"
PATIENCE_S = 120
PARAMETERS = {
    "Architecture": "x86_64" if os.uname().machine == "x86_64" else "arm64",
    "RetrySchedule": "3s,3s,3s",
    "RetryJitter": "0",
    "RequireHttps": "false",
    "AllowedNetworks": "127.0.0.0/8",
    "SweepAfter": "1s",
    "DeletionProtection": "false",
}


def say(text):
    print(text, flush=True)


def wait_until(what, check):
    """Waits until `check` returns something, and returns that."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.2)
    raise SystemExit(f"FAILED: waited for {what}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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


class Emulator:
    def __init__(self):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "LAMBDA_EXECUTOR": "local",
            "SAM_CLI_TELEMETRY": "0",
        }
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log", delete=False)
        self.process = subprocess.Popen(
            [os.path.join(os.path.dirname(sys.executable), "ministack")],
            env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True,
        )
        wait_until("the emulator", self.is_up)

    def is_up(self):
        if self.process.poll() is not None:
            raise SystemExit(f"FAILED: the emulator ended; {self.log.name} says why")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.url, region_name="us-east-1",
            aws_access_key_id="test", aws_secret_access_key="test",
        )

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


class Deployment:
    def __init__(self, emulator, sam, build):
        self.emulator, self.sam, self.build = emulator, sam, build

    def run_sam(self, *arguments):
        command = [self.sam, *arguments, "--region", "us-east-1"]
        done = subprocess.run(command, env=self.emulator.environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"FAILED: {' '.join(command)}\n{self.reasons()}\n{done.stderr[-500:]}")

    def reasons(self):
        events = self.emulator.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
        failed = [event for event in events if "FAILED" in event["ResourceStatus"]]
        return "\n".join(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}" for event in failed)

    def deploy(self, **changed):
        overrides = [f"{name}={value}" for name, value in {**PARAMETERS, **changed}.items()]
        self.run_sam(
            "deploy", "--template-file", f"{self.build}/template.yaml", "--stack-name", STACK, "--resolve-s3",
            "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--parameter-overrides", *overrides,
        )
        self.resources = {}
        cloudformation = self.emulator.client("cloudformation")
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK):
            for resource in page["StackResourceSummaries"]:
                self.resources[resource["LogicalResourceId"]] = resource["PhysicalResourceId"]
        # MiniStack takes the number of a parameter for a text, and then compares it with one.
        mappings(self, "RetriesQueue", ScalingConfig={"MaximumConcurrency": 50})
        self.add_routes()

    def add_routes(self):
        """MiniStack drops the routes that SAM writes into the API's OpenAPI document; they are added from the template."""
        gateway, functions = self.emulator.client("apigatewayv2"), self.emulator.client("lambda")
        api = self.resources["Api"]
        known = {route["RouteKey"] for route in gateway.get_routes(ApiId=api).get("Items", [])}
        added = 0
        for name, event in routes(f"{self.build}/template.yaml"):
            key = f"{event['Method']} {event['Path']}"
            if key in known:
                continue
            arn = functions.get_function(FunctionName=self.resources[name])["Configuration"]["FunctionArn"]
            integration = gateway.create_integration(
                ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0",
            )["IntegrationId"]
            gateway.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{integration}")
            added += 1
        self.api = f"{self.emulator.url}/_aws/execute-api/{api}"
        say(f"   {len(self.resources)} resources; {added} routes added for the emulator")

    def invoke(self, name, event):
        answer = self.emulator.client("lambda").invoke(FunctionName=self.resources[name], Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read() or "null")
        if "FunctionError" in answer:
            raise SystemExit(f"FAILED: {name} {event}: {payload}")
        return payload

    def call(self, method, path, key, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.api + path, data, method=method)
        request.add_header("authorization", f"Bearer {key}")
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.loads(answer.read() or "null")
        except urllib.error.HTTPError as answer:
            return answer.code, json.loads(answer.read() or "null")

    def queue(self, name):
        return self.resources[name]

    def length(self, name):
        attributes = self.emulator.client("sqs").get_queue_attributes(
            QueueUrl=self.queue(name), AttributeNames=["ApproximateNumberOfMessages"],
        )["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"])


def routes(template):
    """The functions' routes, as the built template has them."""
    name = event = None
    found = []
    with open(template) as lines:
        for line in lines:
            if line.startswith("  ") and not line.startswith("   ") and line.strip().endswith(":"):
                name = line.strip()[:-1]
            elif line.strip() == "Type: HttpApi":
                event = {}
            elif event is not None and line.strip().split(":")[0] in ("Method", "Path"):
                field, _, value = line.strip().partition(": ")
                event[field] = value
                if len(event) == 2:
                    found.append((name, event))
                    event = None
    return found


def use(deployment, receiver_url):
    say("== admin")
    deployment.invoke("Admin", {"command": "create_project", "project": "acme"})
    made = deployment.invoke("Admin", {
        "command": "create_key", "project": "acme", "environment": "test", "scopes": ["manage", "publish", "read"],
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
    logs = deployment.emulator.client("logs")
    lines = wait_until("the metrics in the log", lambda: [
        json.loads(event["message"])
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=deployment.resources["Logs"])
        for event in page["events"] if '"Delivered"' in event["message"]
    ])
    assert lines[0]["Dialect"] == "agentphone" and lines[0]["Latency"][0] > 0, lines[0]
    say(f"   in the log: {lines[0]['Delivered'][0]:.0f} delivered, after {lines[0]['Latency'][0]:.0f} ms")

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
    say("   a retry whose message was lost was brought back")

    say("== dead letters")
    sqs.set_queue_attributes(QueueUrl=deployment.queue("EventsQueue"), Attributes={"VisibilityTimeout": "1"})
    sqs.send_message(QueueUrl=deployment.queue("EventsQueue"), MessageBody='{"v": 99}')
    wait_until("the dead letter", lambda: deployment.length("EventsDeadLetters") == 1)
    say("   a message of an unknown version is in the events' dead letters")
    return key, publish


def mappings(deployment, queue, **changed):
    """Changes the mappings of a queue to its function."""
    functions = deployment.emulator.client("lambda")
    arn = deployment.emulator.client("sqs").get_queue_attributes(
        QueueUrl=deployment.queue(queue), AttributeNames=["QueueArn"],
    )["Attributes"]["QueueArn"]
    found = functions.list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
    for mapping in found:
        functions.update_event_source_mapping(UUID=mapping["UUID"], **changed)
    return [mapping["UUID"] for mapping in found]


def update(deployment, publish):
    """Updates the stack while events flow."""
    stop, published, failures = threading.Event(), [], []

    def flow():
        while not stop.is_set():
            marker = f"flow-{len(published)}-"
            try:
                publish("agt_well", marker)
                published.append(marker)
            except Exception as failure:
                failures.append(failure)
            time.sleep(0.1)

    platform = threading.Thread(target=flow)
    platform.start()
    try:
        deployment.deploy(RetentionDays="31")
    finally:
        stop.set()
        platform.join()
    assert published and not failures, failures[:3]
    wait_until("every event of the update", lambda: all(received(marker) for marker in published))
    say(f"   {len(published)} events published meanwhile, all delivered")


def main():
    sam, build = sys.argv[1:]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    emulator = Emulator()
    try:
        deployment = Deployment(emulator, sam, build)
        say("== sam deploy")
        deployment.deploy()
        _, publish = use(deployment, f"http://127.0.0.1:{server.server_address[1]}")
        say("== update, while events flow")
        update(deployment, publish)
        say("== delete")
        deployment.run_sam("delete", "--stack-name", STACK, "--no-prompts")
        left = emulator.client("lambda").list_functions()["Functions"]
        assert not left, left
        kept = emulator.client("dynamodb").list_tables()["TableNames"]
        assert len(kept) == 2, kept
        say("   no function is left; both tables are kept")
    finally:
        emulator.stop()
    say("deployed, used, updated and deleted")


if __name__ == "__main__":
    main()
