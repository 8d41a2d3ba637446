"""A new installation of the built release, used as platforms and customers do."""

from standardwebhooks import Webhook

from emulator import PARAMETERS, Deployment, mappings
from harness import say, wait_until
from project import Project, received


def install(emulator, sam, build, receiver_url):
    """Deploys the build as a new stack, and uses it."""
    deployment = Deployment(emulator, sam, build)
    say("== sam deploy")
    deployment.deploy(**PARAMETERS)
    project = Project(deployment, receiver_url)
    deliver(project)
    retry(project)
    log(deployment)
    sweep(project)
    dead_letters(deployment)


def deliver(project):
    say("== register, publish, deliver")
    secret = project.register("agt_well", "/ok/0")
    project.publish("agt_well", "first-event")
    headers, body = wait_until("the delivery", lambda: received("first-event"))[0]
    Webhook(secret).verify(body, headers)
    say(f"   delivered, and its signature verified: {headers['webhook-id']}")
    assert project.deployment.call("GET", "/agentphone/v1/webhooks", "sk_test_guessed")[0] == 401


def retry(project):
    say("== fail and retry")
    project.register("agt_flaky", "/fail/1")
    project.publish("agt_flaky", "flaky-event")
    wait_until("the retry", lambda: len(received("flaky-event")) == 2)
    logged = wait_until("the log", lambda: [
        entry for entry in project.logged("agt_flaky") if entry["status"] == "success"
    ])
    assert logged[0]["attemptCount"] == 2, logged
    say("   500, then 200 three seconds later; the log says two attempts")


def log(deployment):
    say("== metrics")
    lines = wait_until("the metrics in the log", lambda: deployment.logged('"Delivered"'))
    assert lines[0]["Dialect"] == "agentphone" and lines[0]["Latency"][0] > 0, lines[0]
    say(f"   in the log: {lines[0]['Delivered'][0]:.0f} delivered, after {lines[0]['Latency'][0]:.0f} ms")

    say("== log")
    failed = wait_until("the failed attempt in the log", lambda: deployment.logged('"an attempt failed"'))[0]
    assert failed["span"]["function"] == "pipeline-deliver" and failed["span"]["request_id"], failed
    say(f"   a line says so: attempt {failed['attempt']} of {failed['delivery_id'][:12]}… was answered {failed['http_status']}")


def sweep(project):
    say("== sweep")
    deployment = project.deployment
    project.register("agt_lost", "/fail/1")
    for mapping in mappings(deployment, "RetriesQueue", Enabled=False):
        say(f"   the retries' poller {mapping[:8]} is stopped, and its queue emptied")
    project.publish("agt_lost", "lost-event")
    wait_until("the first attempt", lambda: received("lost-event"))
    wait_until("its retry in the log", lambda: [entry for entry in project.logged("agt_lost") if entry["nextRetryAt"]])
    deployment.emulator.client("sqs").purge_queue(QueueUrl=deployment.queue("RetriesQueue"))
    mappings(deployment, "RetriesQueue", Enabled=True)
    wait_until("sweep to bring it back", lambda: deployment.invoke("PipelineSweep", {}) or len(received("lost-event")) == 2)
    say("   a retry whose message was lost was queued again")


def dead_letters(deployment):
    say("== dead letters")
    deployment.hide_for("EventsQueue", seconds=1)
    deployment.emulator.client("sqs").send_message(QueueUrl=deployment.queue("EventsQueue"), MessageBody='{"v": 99}')
    wait_until("the dead letter", lambda: deployment.length("EventsDeadLetters") == 1)
    say("   a message of an unknown version is in the events' dead letters")
