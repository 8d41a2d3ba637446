"""Runs every function under `cargo lambda watch` on the embedded stores, and the API reference against it.

    watch.py SWITCHHOOK

SWITCHHOOK is the built local stack. Routes are called over HTTP. Functions behind queues are invoked with the queues'
messages, as Lambda's pollers do. The other functions are invoked once. All of them run under `cargo lambda`, which must
be on the PATH.
"""

import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request

from harness import Process, free_port, say

ROOT = pathlib.Path(__file__).resolve().parents[2]
QUEUES = {
    "EventsQueue": "pipeline-fan-out",
    "DeliveriesQueue": "pipeline-deliver",
    "RetriesQueue": "pipeline-deliver",
    "TasksQueue": "pipeline-run-task",
}


def post(url, body, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.loads(answer.read() or "null")


class Stores:
    """The embedded SQS, as its pollers see it."""

    def __init__(self, url, environment):
        self.url = url
        named = re.findall(r"^\w+_QUEUE_URL='(.*)'$", environment, re.MULTILINE)
        self.queues = {url.rpartition("/")[2]: url for url in named}

    def call(self, action, queue, **fields):
        return post(
            self.url, {"QueueUrl": self.queues[queue], **fields},
            X_Amz_Target=f"AmazonSQS.{action}", Content_Type="application/x-amz-json-1.0",
        )

    def receive(self, queue):
        return self.call("ReceiveMessage", queue, MaxNumberOfMessages=10, AttributeNames=["All"]).get("Messages", [])


def work(stores, invoke_url, queue, function):
    """Invokes a function with the messages of its queue, and deletes the messages that did not fail."""
    messages = stores.receive(queue)
    if not messages:
        return
    records = [
        {"messageId": message["MessageId"], "body": message["Body"], "attributes": message["Attributes"]}
        for message in messages
    ]
    answer = post(f"{invoke_url}/2015-03-31/functions/{function}/invocations", {"Records": records})
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    for message in messages:
        if message["MessageId"] not in failed:
            stores.call("DeleteMessage", queue, ReceiptHandle=message["ReceiptHandle"])


class Pollers:
    """Polls every queue, until the `with` ends."""

    def __init__(self, stores, invoke_url):
        self.stores, self.invoke_url = stores, invoke_url
        self.stop, self.failure = threading.Event(), None
        self.thread = threading.Thread(target=self.poll)

    def poll(self):
        try:
            while not self.stop.wait(0.05):
                for queue, function in QUEUES.items():
                    work(self.stores, self.invoke_url, queue, function)
        except Exception as failure:
            self.failure = failure

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        if self.failure:
            raise self.failure


def invoke(function, event, port):
    address = ["--invoke-address", "127.0.0.1", "--invoke-port", port]
    command = ["cargo", "lambda", "invoke", function, *address, "--data-ascii", json.dumps(event)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stderr)
    say(f"   cargo lambda invoke {function}: {done.stdout.strip()[:100]}")


def main():
    (switchhook,) = sys.argv[1:]
    with contextlib.ExitStack() as stack:
        def start(*command):
            return stack.enter_context(Process(*command))

        env_file = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory())) / "functions.env"
        stores = start(switchhook, "stores", "--port", "0", "--in-memory", "--env-file", str(env_file))
        # Only the inbox of this stack is used.
        inbox = start(switchhook, "--port", "0", "--in-memory")
        stores_url, inbox_url = (process.wait_for(r"^ready (\S+)").group(1) for process in (stores, inbox))
        port = str(free_port())
        watch = start(
            "cargo", "lambda", "watch", "--ignore-changes", "--env-file", str(env_file), "--color", "never",
            "--invoke-address", "127.0.0.1", "--invoke-port", port,
        )
        watch.wait_for("starting Runtime server")
        url = f"http://127.0.0.1:{port}"
        with Pollers(Stores(stores_url, env_file.read_text()), url):
            subprocess.run([sys.executable, ROOT / "tests/reference/calls.py", url, "--inbox", inbox_url], check=True)
        invoke("admin", {"command": "list_keys", "project": "demo"}, port)
        invoke("pipeline-sweep", {}, port)
        task = {"v": 1, "task": {"release": {"shard": {"waits_in": "table", "number": 0}}}}
        invoke("pipeline-run-task", {"Records": [{"messageId": "1", "body": json.dumps(task), "attributes": {}}]}, port)
        expected = {path.stem for path in (ROOT / "functions/watch").glob("*.rs")}
        assert expected, "functions/watch holds no program"
        assert not expected - started(watch), f"never called: {expected - started(watch)}"
        say(f"{len(expected)} functions ran under cargo lambda watch")


def started(watch):
    return set(re.findall(r'starting lambda function instance function="([\w-]+)"', watch.printed()))


if __name__ == "__main__":
    main()
