"""The update from release 0.1.0 to the built release, while events flow. Then the sealing key is rotated and the stack deleted.

Release 0.1.0 is built from the repository's history (`.ci/package_0_1_0`), and deployed with its own template.
"""

import pathlib
import shutil
import threading
import time

from standardwebhooks import Webhook

from emulator import PARAMETERS, STACK, Deployment, mappings
from harness import say, wait_until
from project import Project, received

# The emulator may end one function's process for its new code, and one for its new environment.
REPEATED_MAX = 2
# An event that release 0.1.0 took with this client id is published again after the update.
NAMED = {"marker": "named-event", "id": "order-1"}
# Release 0.1.0 queues a message of each kind that the new release takes over, and it queues a retry whose message is lost.
HELD = [("EventsQueue", "agt_well", "queued-event"), ("DeliveriesQueue", "agt_well", "queued-delivery"),
        ("RetriesQueue", "agt_pending", "pending-event")]
LOST = ("RetriesQueue", "agt_lost", "lost-retry")
ROOT = pathlib.Path(__file__).resolve().parents[2]


def update_from_0_1_0(emulator, sam, release_0_1_0, build, receiver_url, folder):
    """Deploys 0.1.0 and uses it, updates it, and checks that nothing was lost. `folder` is empty, and takes a release."""
    deployment = Deployment(emulator, sam, release_0_1_0)
    say("== sam deploy of release 0.1.0")
    # A sweep of 0.1.0 would bring the lost retry back before the update.
    deployment.deploy(**{**PARAMETERS, "SweepAfter": "20m"})
    project = Project(deployment, receiver_url, permissions="scopes")
    secret = project.register("agt_well", "/ok/0")
    logged = use_old(project)
    held = hold_messages(project)
    say("== update, while events flow")
    user_agent = next_release(build, f"{folder}/build")
    deployment.build = f"{folder}/build"
    published = update(project, user_agent)
    say("== after the update")
    take_over(project, held, user_agent, secret)
    find_lost(project, user_agent)
    read_old_log(project, logged, published)
    repeat_named(project)
    check_dead_letters(deployment)
    say("== rotate the sealing key")
    rotate(project)
    say("== delete")
    delete(deployment)


def use_old(project):
    """Has 0.1.0 log a delivery of each final status, and an event with a client id. Returns what it logged, by agent."""
    project.register("agt_calm", "/ok/0")
    project.register("agt_flaky", "/fail/1")
    project.register("agt_broken", "/fail/9")
    project.publish("agt_calm", **NAMED)
    project.publish("agt_flaky", "flaky-event")
    project.publish("agt_broken", "broken-event")
    expected = {"agt_calm": ("success", 1), "agt_flaky": ("success", 2), "agt_broken": ("failed", 4)}

    def logged():
        found = {agent: project.logged(agent) for agent in expected}
        states = {agent: [(entry["status"], entry["attemptCount"]) for entry in found[agent]] for agent in expected}
        return found if states == {agent: [state] for agent, state in expected.items()} else None

    found = wait_until("0.1.0 to log its deliveries", logged)
    say(f"   it logged {', '.join(f'{status} after {attempts} attempts' for status, attempts in expected.values())}")
    return found


def hold(project, queue, agent, marker):
    """Publishes an event whose message in `queue` stays in flight, as if its function took long. Returns the receipt."""
    sqs, url = project.deployment.emulator.client("sqs"), project.deployment.queue(queue)
    mappings(project.deployment, queue, Enabled=False)
    project.publish(agent, marker)
    messages = wait_until(f"a message in {queue}", lambda: sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=3600,
    ).get("Messages"))
    mappings(project.deployment, queue, Enabled=True)
    assert len(messages) == 1, messages
    return messages[0]["ReceiptHandle"]


def hold_messages(project):
    """Has 0.1.0 queue a message of each kind. Returns their queues and receipts."""
    project.register("agt_pending", "/fail/1")
    project.register("agt_lost", "/fail/1")
    held = [(queue, hold(project, queue, agent, marker)) for queue, agent, marker in HELD]
    lost = hold(project, *LOST)
    queue = project.deployment.queue("RetriesQueue")
    project.deployment.emulator.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=lost)
    for agent in ("agt_pending", "agt_lost"):
        (entry,) = project.logged(agent)
        assert entry["status"] == "pending" and entry["nextRetryAt"], entry
    say("   it queued an event, a delivery and a retry, and the message of another retry is lost")
    return held


def next_release(build, folder):
    """Copies the build, with the next version, so that deliveries say which release sent them. Returns their `User-Agent`."""
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


def was_sent_by(user_agent, marker):
    return any(headers["user-agent"] == user_agent for headers, _ in received(marker))


class Flow:
    """Publishes events until the `with` ends, and an event again if it got no 202."""

    def __init__(self, project):
        self.project, self.published, self.repeated = project, [], []
        self.stop, self.thread = threading.Event(), threading.Thread(target=self.publish)

    def publish(self):
        while not self.stop.wait(0.1):
            marker = f"flow-{len(self.published)}"
            try:
                self.project.publish("agt_well", marker)
                self.published.append(marker)
            except AssertionError as refusal:
                self.repeated.append(refusal)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def update(project, user_agent):
    """Updates the stack to the new release while events flow. Returns how many events were published meanwhile.

    MiniStack ends a function's process to update it, even in the middle of an invocation. Lambda would let the
    invocation finish. So the platform publishes an event again if it got no 202. SQS shows a message in flight again,
    here after seconds instead of minutes.
    """
    deployment = project.deployment
    deployment.hide_all_for(seconds=5)
    with Flow(project) as flow:
        wait_until("a delivery by 0.1.0", lambda: flow.published and received(flow.published[0]))
        # The update also rotates the sealing key. Other parameters keep their values.
        deployment.deploy(SealingKeyId="k2", OldSealingKeyId="k1", SweepAfter=PARAMETERS["SweepAfter"])
        wait_until("deliveries by the new release", lambda: was_sent_by(user_agent, flow.published[-1]))
    assert len(flow.repeated) <= REPEATED_MAX, flow.repeated
    wait_until("every event of the update", lambda: all(received(marker) for marker in flow.published))
    new = [was_sent_by(user_agent, marker) for marker in flow.published]
    assert not new[0], "the first event was delivered by the new release"
    say(f"   {len(new)} events published meanwhile, all delivered: {new.count(False)} by 0.1.0, {new.count(True)} by {user_agent}")
    if flow.repeated:
        say(f"   {len(flow.repeated)} of them published again: the emulator ended the function that took them")
    return len(flow.published)


def take_over(project, held, user_agent, secret):
    """Shows the messages that 0.1.0 queued to the new release, which delivers them, signed with the webhook's secret."""
    sqs = project.deployment.emulator.client("sqs")
    for queue, receipt in held:
        sqs.change_message_visibility(
            QueueUrl=project.deployment.queue(queue), ReceiptHandle=receipt, VisibilityTimeout=0,
        )
    for _, _, marker in HELD:
        wait_until(f"the new release to deliver {marker}", lambda: was_sent_by(user_agent, marker))
    headers, body = received("queued-event")[0]
    Webhook(secret).verify(body, headers)
    wait_until("the retry in the log", lambda: [
        (entry["status"], entry["attemptCount"]) for entry in project.logged("agt_pending")
    ] == [("success", 2)])
    say("   the queued event and delivery were delivered, and the pending retry succeeded")


def find_lost(project, user_agent):
    """Has `sweep` find the retry that 0.1.0 logged, and whose message is lost."""
    wait_until("sweep to bring the lost retry back", lambda: (
        project.deployment.invoke("PipelineSweep", {}) or was_sent_by(user_agent, LOST[2])
    ))
    wait_until("the lost retry in the log", lambda: project.logged("agt_lost")[0]["status"] == "success")
    say("   sweep found the retry of 0.1.0 whose message was lost")


def read_old_log(project, logged, published):
    """Reads the deliveries that 0.1.0 logged before, by agent and in the whole project's list, and the update's."""
    wait_until("empty queues", project.deployment.is_idle)
    listed = {entry["id"]: entry for entry in project.logged_by_all()}
    for agent, entries in logged.items():
        now = project.logged(agent)
        assert now == entries, (now, entries)
        assert all(listed.get(entry["id"]) == entry for entry in entries), entries
    succeeded = sum(entry["status"] == "success" for entry in listed.values())
    assert succeeded >= published, (succeeded, published)
    status, stats = project.call("GET", "/agentphone/v1/webhooks/deliveries/stats")
    counted = (stats["success"], stats["total"])
    assert status == 200 and counted == (succeeded, len(listed)), (status, counted, succeeded, len(listed))
    say(f"   what 0.1.0 logged reads as before; lists and statistics count all {len(listed)} deliveries")


def repeat_named(project):
    """Repeats an event with the client id that 0.1.0 took it with: it is not delivered again."""
    project.publish("agt_calm", **NAMED)
    project.publish("agt_calm", "after-named")
    wait_until("the event after the repeat", lambda: received("after-named"))
    wait_until("empty queues", project.deployment.is_idle)
    assert len(received(NAMED["marker"])) == 1, received(NAMED["marker"])
    say("   the repeat of a client id that 0.1.0 had taken was not delivered again")


def check_dead_letters(deployment):
    left = {name: deployment.length(name) for name in deployment.resources if name.endswith("DeadLetters")}
    assert len(left) == 4 and not any(left.values()), left
    say("   no message is in the four queues of dead letters")


def rotate(project):
    """Seals every secret with the new key, and removes the old key."""
    deployment = project.deployment
    resealed = deployment.invoke("Admin", {"command": "reseal", "project": "acme"})
    assert resealed["resealed"] >= 3 and resealed["done"], resealed
    deployment.deploy(OldSealingKeyId='""')
    environment = deployment.environment("PipelineDeliver")
    assert environment["SEALING_KEYS"].startswith("k2:") and "," not in environment["SEALING_KEYS"]
    assert environment["RETRY_SCHEDULE"] == PARAMETERS["RetrySchedule"], environment
    project.publish("agt_well", "rotated-event")
    wait_until("a delivery after the rotation", lambda: received("rotated-event"))
    say(f"   {resealed['resealed']} webhooks' secrets sealed again, the old key forgotten, and an event delivered")


def delete(deployment):
    deployment.run_sam("delete", "--stack-name", STACK, "--no-prompts")
    left = deployment.emulator.client("lambda").list_functions()["Functions"]
    assert not left, left
    kept = deployment.emulator.client("dynamodb").list_tables()["TableNames"]
    assert len(kept) == 2, kept
    say("   no function is left; both tables are kept")
