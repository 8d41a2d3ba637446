"""MiniStack, a third-party AWS emulator, and the stack deployed to it. This file fills the emulator's gaps, each with a
comment."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import boto3

from harness import Process, free_port, say, wait_until

STACK = "switchhook"
PARAMETERS = {
    "Architecture": "x86_64" if os.uname().machine == "x86_64" else "arm64",
    "RetrySchedule": "3s,3s,3s",
    "RetryJitter": "0",
    "RequireHttps": "false",
    "AllowedNetworks": "127.0.0.0/8",
    "SweepAfter": "1s",
    "DeletionProtection": "false",
}


class Emulator(Process):
    def __init__(self):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
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
        super().__init__(os.path.join(os.path.dirname(sys.executable), "ministack"), **self.environment)

    def wait(self):
        wait_until("the emulator", self.is_up)

    def is_up(self):
        with socket.socket() as probe:
            return self.is_running() and probe.connect_ex(("127.0.0.1", self.port)) == 0

    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.url, region_name="us-east-1",
            aws_access_key_id="test", aws_secret_access_key="test",
        )


class Deployment:
    def __init__(self, emulator, sam, build):
        self.emulator, self.sam, self.build = emulator, sam, build

    def run_sam(self, *arguments):
        command = [self.sam, *arguments, "--region", "us-east-1"]
        done = subprocess.run(command, env={**os.environ, **self.emulator.environment}, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"FAILED: {' '.join(command)}\n{self.reasons()}\n{done.stderr[-500:]}")

    def reasons(self):
        events = self.emulator.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
        failed = [event for event in events if "FAILED" in event["ResourceStatus"]]
        return "\n".join(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}" for event in failed)

    def deploy(self, **parameters):
        overrides = [f"{name}={value}" for name, value in parameters.items()]
        self.run_sam(
            "deploy", "--template-file", f"{self.build}/template.yaml", "--stack-name", STACK, "--resolve-s3",
            "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--parameter-overrides", *overrides,
        )
        self.resources = {}
        cloudformation = self.emulator.client("cloudformation")
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK):
            for resource in page["StackResourceSummaries"]:
                self.resources[resource["LogicalResourceId"]] = resource["PhysicalResourceId"]
        # MiniStack stores a parameter's number as a string, and later compares it with a number.
        mappings(self, "RetriesQueue", ScalingConfig={"MaximumConcurrency": 50})
        self.add_routes()

    def add_routes(self):
        """Adds the template's routes: MiniStack drops the routes that SAM writes into the API's OpenAPI document."""
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

    def environment(self, name):
        functions = self.emulator.client("lambda")
        configuration = functions.get_function_configuration(FunctionName=self.resources[name])
        return configuration["Environment"]["Variables"]

    def logged(self, text):
        """The lines of the functions' log that contain `text`."""
        pages = self.emulator.client("logs").get_paginator("filter_log_events")
        events = [event for page in pages.paginate(logGroupName=self.resources["Logs"]) for event in page["events"]]
        return [json.loads(event["message"]) for event in events if text in event["message"]]

    def queue(self, name):
        return self.resources[name]

    def hide_for(self, name, seconds):
        """Sets how long the queue hides a message in flight."""
        sqs = self.emulator.client("sqs")
        sqs.set_queue_attributes(QueueUrl=self.queue(name), Attributes={"VisibilityTimeout": str(seconds)})

    def hide_all_for(self, seconds):
        for name in self.queues():
            self.hide_for(name, seconds)

    def queues(self):
        return [name for name in self.resources if name.endswith("Queue")]

    def length(self, name):
        """How many messages wait in the queue. Messages in flight are not counted."""
        return self.counts(name)["ApproximateNumberOfMessages"]

    def is_idle(self):
        """Whether no queue has a message that waits, is delayed or is in flight."""
        return not any(sum(self.counts(name).values()) for name in self.queues())

    def counts(self, name):
        names = [f"ApproximateNumberOfMessages{state}" for state in ("", "Delayed", "NotVisible")]
        counts = self.emulator.client("sqs").get_queue_attributes(QueueUrl=self.queue(name), AttributeNames=names)
        return {name: int(count) for name, count in counts["Attributes"].items()}


def routes(template):
    """The functions' routes in the built template."""
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


def mappings(deployment, queue, **changed):
    """Changes the mappings of a queue to its function, and returns their ids."""
    functions = deployment.emulator.client("lambda")
    arn = deployment.emulator.client("sqs").get_queue_attributes(
        QueueUrl=deployment.queue(queue), AttributeNames=["QueueArn"],
    )["Attributes"]["QueueArn"]
    found = functions.list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
    for mapping in found:
        functions.update_event_source_mapping(UUID=mapping["UUID"], **changed)
    return [mapping["UUID"] for mapping in found]
