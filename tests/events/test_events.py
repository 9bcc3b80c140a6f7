"""Proves the events of the contract through the stand-alone publisher and listener.

Listening: deliver-all, start-at-seq, durable, queue group, manual acknowledgement, max in flight.
Applying: repeats, gaps and poison do what the contract says, seen from outside over HTTP. Events
without listeners of their own (user:updated) carry the listening tests, so they change nothing.
"""

import threading
import time

from boxoffice import (Listener, Server, buy, cancel, create_ticket, get_order, get_ticket,
                       is_unheard_of, new_email, new_id, pay, reserve, wait_order, wait_ticket)
from check import TIME, Cases, expect, stays, wait_for

PARALLEL = 6

SUBJECT = "user:updated"
SUBJECTS_SERVED = {
    "user:updated": {"tickets", "orders", "payments"},
    "session:ended": {"tickets", "orders", "payments"},
    "session:extended": {"tickets", "orders", "payments"},
    "ticket:created": {"orders"}, "ticket:updated": {"orders"},
    "expiration:complete": {"orders"}, "payment:created": {"orders"},
    "payment:pending": {"orders"}, "payment:failed": {"orders"}, "payment:refunded": {"orders"},
    "payment:rejected": {"payments"},
    "order:updated": {"tickets", "payments", "expiration"},
    "order:created": {"auth", "tickets", "payments", "expiration"},
    "order:cancelled": {"tickets", "payments", "expiration"},
    "order:completed": {"tickets", "payments", "expiration"},
}


# --- events as other programs would make them

def user_event(user_id, version=1):
    return {"id": user_id, "version": version, "email": new_email(), "status": "active"}


def publish_users(server, user_id, *versions):
    for version in versions:
        server.publish(SUBJECT, user_event(user_id, version))


def versions_of(listener, user_id):
    """The versions a listener received of one entity, in order."""
    return [data["version"] for data in listener.data() if data["id"] == user_id]


def wait_versions(listener, user_id, versions, timeout=10):
    wait_for(lambda: versions_of(listener, user_id) == versions, timeout,
             lambda: f"versions {versions} of {user_id}, have {versions_of(listener, user_id)}")


def ticket_event(ticket_id, version=0, price=20, **more):
    return {"id": ticket_id, "version": version, "title": f"Seat v{version}", "price": price,
            "userId": "a-seller", **more}


def order_event(order_id, ticket, user_id="a-buyer"):
    expires = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 900))
    return {"id": order_id, "version": 0, "status": "created", "userId": user_id,
            "expiresAt": expires, "ticket": {"id": ticket["id"], "price": ticket["price"]}}


def order_end(order_id, ticket, version=1):
    return {"id": order_id, "version": version, "ticket": {"id": ticket["id"]}}


def copy_held_by_orders(server, ticket_id):
    """(version, price) of the copy orders has, seen by reserving it for a moment; None: no copy."""
    buyer = server.as_user()
    answer = buyer.post("/api/orders", {"ticketId": ticket_id})
    if is_unheard_of(answer):
        return None
    order = expect(answer, 201).json
    cancel(buyer, order["id"])
    return order["ticket"]["version"], order["ticket"]["price"]


def wait_orders_caught_up(server):
    """Waits until orders has applied all ticket events published before now."""
    ticket_id = new_id()
    server.publish("ticket:created", ticket_event(ticket_id))
    wait_for(lambda: copy_held_by_orders(server, ticket_id), 10, "orders to catch up")


def wait_tickets_caught_up(server):
    """Waits until tickets has applied all order events published before now."""
    ticket = create_ticket(server.as_user())
    order_id = new_id()
    server.publish("order:created", order_event(order_id, ticket))
    wait_ticket(server.client(), ticket["id"], order_id)


def dead_letters(server):
    return expect(server.monitor().get("/streaming"), 200).json


def wait_dead_letter(server, subject, count_before):
    """Waits for a new dead letter of a subject and returns it."""
    def there():
        found = [letter for letter in dead_letters(server)["dead_letters"]
                 if letter["subject"] == subject]
        return found if len(found) > count_before else None
    return wait_for(there, 10, f"a dead letter of {subject}")


def dead_letter_count(server, subject):
    return len([letter for letter in dead_letters(server)["dead_letters"]
                if letter["subject"] == subject])


# --- publish and listen

def test_a_listener_prints_what_is_published(server):
    event = user_event(new_id(), 3)
    with server.listen(SUBJECT) as listener:
        server.publish(SUBJECT, event)
        wait_versions(listener, event["id"], [3])
        message = next(one for one in listener.messages if one["data"]["id"] == event["id"])
    assert message["subject"] == SUBJECT and message["redelivered"] is False, message
    assert message["data"] == event, message
    assert isinstance(message["sequence"], int) and message["sequence"] > 0, message
    assert TIME.match(message["time"]), message


def test_a_listener_hears_the_services_themselves(server):
    seller, buyer = server.as_user(), server.as_user()
    subjects = ["ticket:created", "ticket:updated", "order:created", "order:completed",
                "order:cancelled", "payment:created"]
    listeners = {subject: server.listen(subject) for subject in subjects}
    try:
        ticket = create_ticket(seller, "Heard", 33.3)
        cancelled = reserve(buyer, ticket["id"])
        wait_ticket(buyer, ticket["id"], cancelled["id"])
        cancel(buyer, cancelled["id"])
        wait_ticket(buyer, ticket["id"], None)
        order = wait_for(lambda: buyer.post("/api/orders", {"ticketId": ticket["id"]})).json
        payment = pay(buyer, order["id"])

        def heard(subject, entity_id):
            return wait_for(lambda: [one for one in listeners[subject].data()
                                     if one["id"] == entity_id], 10, f"{subject} of {entity_id}")
        created = heard("ticket:created", ticket["id"])[0]
        assert created == {"id": ticket["id"], "version": 0, "title": "Heard", "price": 33.3,
                           "userId": seller.user_id}, created
        locked = heard("ticket:updated", ticket["id"])[0]
        assert locked["version"] == 1 and locked["orderId"] == cancelled["id"], locked
        opened = heard("order:created", order["id"])[0]
        assert opened == {"id": order["id"], "version": 0, "status": "created",
                          "userId": buyer.user_id, "expiresAt": order["expiresAt"],
                          "ticket": {"id": ticket["id"], "price": 33.3, "title": "Heard"}}, opened
        ended = heard("order:cancelled", cancelled["id"])[0]
        assert ended == {"id": cancelled["id"], "version": 1, "ticket": {"id": ticket["id"]}}, ended
        charged = heard("payment:created", payment["id"])[0]
        assert charged == {"id": payment["id"], "orderId": order["id"],
                           "stripeId": payment["stripeId"]}, charged
        complete = heard("order:completed", order["id"])[0]
        assert complete == {"id": order["id"], "version": 2, "userId": buyer.user_id,
                            "ticket": {"id": ticket["id"], "price": 33.3, "title": "Heard"}}, complete
    finally:
        for listener in listeners.values():
            listener.stop()


def test_signing_up_publishes_user_created(server):
    with server.listen("user:created") as listener:
        user = server.sign_up()
        wait_for(lambda: any(data["id"] == user.user_id for data in listener.data()))
        event = next(data for data in listener.data() if data["id"] == user.user_id)
    assert event["version"] == 0 and event["email"] == user.email, event
    assert event["status"] == "active" and "password" not in str(event).lower(), event


def test_a_plain_listener_starts_with_what_is_new(server):
    user_id = new_id()
    publish_users(server, user_id, 1, 2)
    with server.listen(SUBJECT) as listener:
        publish_users(server, user_id, 3)
        wait_versions(listener, user_id, [3])


def test_deliver_all_starts_with_the_first(server):
    user_id = new_id()
    publish_users(server, user_id, 1, 2, 3)
    with server.listen(SUBJECT, "--deliver-all") as listener:
        wait_versions(listener, user_id, [1, 2, 3])
        publish_users(server, user_id, 4)
        wait_versions(listener, user_id, [1, 2, 3, 4])
        sequences = [message["sequence"] for message in listener.messages]
    assert sequences == sorted(set(sequences)), "sequences rise"


def test_start_at_seq_starts_there(server):
    user_id = new_id()
    publish_users(server, user_id, 1, 2, 3)
    with server.listen(SUBJECT, "--deliver-all") as listener:
        wait_versions(listener, user_id, [1, 2, 3])
        second = next(message["sequence"] for message in listener.messages
                      if message["data"]["id"] == user_id and message["data"]["version"] == 2)
    with server.listen(SUBJECT, "--start-at-seq", str(second)) as listener:
        wait_versions(listener, user_id, [2, 3])
        assert min(message["sequence"] for message in listener.messages) == second


def test_two_plain_listeners_hear_everything_each(server):
    user_id = new_id()
    with server.listen(SUBJECT) as one, server.listen(SUBJECT) as two:
        publish_users(server, user_id, 1, 2)
        wait_versions(one, user_id, [1, 2])
        wait_versions(two, user_id, [1, 2])


def test_a_queue_group_shares_the_messages(server):
    group = f"group-{new_id()}"
    user_id = new_id()
    with server.listen(SUBJECT, "--queue-group", group) as one, \
            server.listen(SUBJECT, "--queue-group", group) as two, \
            server.listen(SUBJECT) as apart:
        published = 0
        while published < 12 or not (versions_of(one, user_id) and versions_of(two, user_id)):
            assert published < 200, "one member gets nothing"
            published += 1
            publish_users(server, user_id, published)
        wait_for(lambda: len(versions_of(one, user_id) + versions_of(two, user_id)) >= published)
        both = sorted(versions_of(one, user_id) + versions_of(two, user_id))
        assert both == list(range(1, published + 1)), f"each once: {both}"
        wait_versions(apart, user_id, list(range(1, published + 1)))


def test_a_durable_listener_resumes_where_it_was(server):
    durable = f"durable-{new_id()}"
    user_id = new_id()
    with server.listen(SUBJECT, "--durable", durable) as listener:
        publish_users(server, user_id, 1, 2)
        wait_versions(listener, user_id, [1, 2])
        listener.wait_acknowledged()
    publish_users(server, user_id, 3, 4)
    with server.listen(SUBJECT, "--durable", durable) as listener:
        wait_versions(listener, user_id, [3, 4])
        publish_users(server, user_id, 5)
        wait_versions(listener, user_id, [3, 4, 5])


def test_a_durable_listener_resumes_after_the_server_restarted():
    with Server() as server:
        user_id = new_id()
        options = ("--durable", "keeper", "--queue-group", "keepers", "--deliver-all")
        publish_users(server, user_id, 1)
        with server.listen(SUBJECT, *options) as listener:
            publish_users(server, user_id, 2)
            wait_versions(listener, user_id, [1, 2])
            listener.wait_acknowledged()
        publish_users(server, user_id, 3)
        last = server.channel(SUBJECT)["last_seq"]
        server.restart()
        assert server.channel(SUBJECT)["last_seq"] == last, "sequences survive"
        publish_users(server, user_id, 4)
        with server.listen(SUBJECT, *options) as listener:
            wait_versions(listener, user_id, [3, 4])
            listener.wait_acknowledged()
        server.kill()
        server.start()
        publish_users(server, user_id, 5)
        with server.listen(SUBJECT, *options) as listener:
            wait_versions(listener, user_id, [5])


def test_what_is_not_acknowledged_comes_again():
    with Server() as server:
        user_id = new_id()
        options = ("--durable", f"durable-{new_id()}", "--manual-ack", "--ack-wait", "1")
        with server.listen(SUBJECT, *options) as listener:
            publish_users(server, user_id, 1)
            first, again = listener.wait_count(2)[:2]
            gap = listener.received_at[1] - listener.received_at[0]
            assert first["redelivered"] is False and again["redelivered"] is True, (first, again)
            assert first["sequence"] == again["sequence"] and first["data"] == again["data"]
            assert gap > 0.8, f"again after {gap:.2f} s already"
            listener.acknowledge(again)
            listener.wait_acknowledged()
            count = len(listener.messages)
            publish_users(server, user_id, 2)
            wait_for(lambda: versions_of(listener, user_id)[-1] == 2, 10, "the next one")
            assert 1 not in versions_of(listener, user_id)[count:], "acknowledged, yet again"


def test_a_durable_listener_gets_unacknowledged_messages_after_a_restart():
    with Server() as server:
        user_id = new_id()
        durable = f"durable-{new_id()}"
        options = ("--durable", durable, "--manual-ack", "--ack-wait", "1")
        with server.listen(SUBJECT, *options) as listener:
            publish_users(server, user_id, 1, 2)
            wait_for(lambda: {1, 2} <= set(versions_of(listener, user_id)))
            listener.acknowledge(next(message for message in listener.messages
                                      if message["data"] == listener.data()[0]))
            wait_for(lambda: listener.subscription().get("pending_count") == 1, 10, "one pending")
        with server.listen(SUBJECT, *options) as listener:
            wait_for(lambda: 2 in versions_of(listener, user_id), 10, "the unacknowledged one")
            assert 1 not in versions_of(listener, user_id)


def test_no_more_than_max_in_flight_are_out_at_once():
    with Server() as server:
        user_id = new_id()
        durable = f"durable-{new_id()}"
        with server.listen(SUBJECT, "--durable", durable, "--manual-ack", "--ack-wait", "60",
                           "--max-in-flight", "2") as listener:
            publish_users(server, user_id, *range(1, 6))
            for seen in range(2, 6):
                messages = listener.wait_count(seen)
                stays(lambda: len(listener.messages) == seen, 0.2)
                listener.acknowledge(messages[seen - 2])
            assert listener.subscription()["max_inflight"] == 2
            wait_versions(listener, user_id, [1, 2, 3, 4, 5])


def test_publishing_needs_a_running_server_and_good_arguments():
    with Server() as server:
        with Cases() as case:
            for data in ["{", "", "not json"]:
                with case(data):
                    done = server.try_publish(SUBJECT, data)
                    assert done.returncode != 0 and done.stderr.strip(), done
        server.stop()
        done = server.try_publish(SUBJECT, user_event(new_id()))
        assert done.returncode != 0 and done.stderr.strip(), done
        server.start()


# --- applied exactly once, in order

def test_an_event_from_outside_takes_effect(server):
    ticket_id = new_id()
    server.publish("ticket:created", ticket_event(ticket_id, 0, 12.5))
    order = reserve(server.as_user(), ticket_id)
    assert order["ticket"]["price"] == 12.5 and order["ticket"]["title"] == "Seat v0", order


def test_unknown_fields_of_an_event_are_ignored(server):
    ticket_id = new_id()
    server.publish("ticket:created", ticket_event(ticket_id, 0, 15, colour="blue", seats=[1, 2]))
    wait_for(lambda: copy_held_by_orders(server, ticket_id) == (0, 15), 10, "the copy")


def test_a_repeated_event_has_no_second_effect(server):
    ticket_id = new_id()
    server.publish("ticket:created", ticket_event(ticket_id, 0, 10))
    server.publish("ticket:updated", ticket_event(ticket_id, 1, 11))
    server.publish("ticket:created", ticket_event(ticket_id, 0, 99))
    server.publish("ticket:updated", ticket_event(ticket_id, 1, 98))
    wait_orders_caught_up(server)
    wait_for(lambda: copy_held_by_orders(server, ticket_id) == (1, 11), 10, "version 1 at 11")
    server.publish("ticket:updated", ticket_event(ticket_id, 2, 12))
    wait_for(lambda: copy_held_by_orders(server, ticket_id) == (2, 12), 10, "version 2 at 12")


def test_repeated_order_events_lock_and_free_a_ticket_once(server):
    ticket = create_ticket(server.as_user())
    order_id = new_id()
    created = order_event(order_id, ticket)
    for _ in range(3):
        server.publish("order:created", created)
    assert wait_ticket(server.client(), ticket["id"], order_id)["version"] == 1
    for _ in range(3):
        server.publish("order:cancelled", order_end(order_id, ticket))
    assert wait_ticket(server.client(), ticket["id"], None)["version"] == 2
    server.publish("order:created", created)
    wait_tickets_caught_up(server)
    free = get_ticket(server.client(), ticket["id"])
    assert free["version"] == 2 and free.get("orderId") is None, free


def test_a_repeated_payment_event_completes_an_order_once(server):
    buyer = server.as_user()
    with server.listen("payment:created") as payments, \
            server.listen("order:completed") as completed:
        order = buy(buyer, create_ticket(server.as_user())["id"])
        event = wait_for(lambda: [data for data in payments.data()
                                  if data["orderId"] == order["id"]])[0]
        for _ in range(3):
            server.publish("payment:created", event)
        other = buy(buyer, create_ticket(server.as_user())["id"])
        wait_for(lambda: any(data["id"] == other["id"] for data in completed.data()))
        count = len([data for data in completed.data() if data["id"] == order["id"]])
    assert count == 1, f"{count} completions"
    assert get_order(buyer, order["id"])["version"] == order["version"]


def test_an_event_ahead_of_its_turn_waits_for_the_missing_one(server):
    ticket_id = new_id()
    server.publish("ticket:created", ticket_event(ticket_id, 0, 10))
    server.publish("ticket:updated", ticket_event(ticket_id, 3, 13))
    server.publish("ticket:updated", ticket_event(ticket_id, 2, 12))
    wait_orders_caught_up(server)
    wait_for(lambda: copy_held_by_orders(server, ticket_id) == (0, 10), 10, "version 0")
    stays(lambda: copy_held_by_orders(server, ticket_id) == (0, 10), 0.3)
    server.publish("ticket:updated", ticket_event(ticket_id, 1, 11))
    wait_for(lambda: copy_held_by_orders(server, ticket_id) == (3, 13), 10, "version 3 at 13")


def test_an_update_may_come_before_the_creation(server):
    ticket_id = new_id()
    server.publish("ticket:updated", ticket_event(ticket_id, 1, 11))
    wait_orders_caught_up(server)
    assert copy_held_by_orders(server, ticket_id) is None, "applied without its beginning"
    server.publish("ticket:created", ticket_event(ticket_id, 0, 10))
    wait_for(lambda: copy_held_by_orders(server, ticket_id) == (1, 11), 10, "version 1 at 11")


def test_a_waiting_event_survives_a_restart():
    with Server() as server:
        ticket_id = new_id()
        server.publish("ticket:created", ticket_event(ticket_id, 0, 10))
        server.publish("ticket:updated", ticket_event(ticket_id, 2, 12))
        wait_orders_caught_up(server)
        server.kill()
        server.start()
        assert copy_held_by_orders(server, ticket_id) == (0, 10)
        server.publish("ticket:updated", ticket_event(ticket_id, 1, 11))
        wait_for(lambda: copy_held_by_orders(server, ticket_id) == (2, 12), 10, "version 2 at 12")


def test_an_order_whose_cancellation_came_first_never_holds_its_ticket(server):
    ticket = create_ticket(server.as_user())
    order_id = new_id()
    server.publish("order:cancelled", order_end(order_id, ticket))
    server.publish("order:created", order_event(order_id, ticket))
    wait_tickets_caught_up(server)
    free = get_ticket(server.client(), ticket["id"])
    assert free["version"] == 0 and free.get("orderId") is None, free


def test_orders_of_one_ticket_that_arrive_in_any_order_leave_nothing_waiting():
    """The first order's end comes late: two others wait for it, and the last one takes the ticket
    before the second, which was over by then."""
    with Server() as server:
        ticket = create_ticket(server.as_user())
        first, second, last = new_id(), new_id(), new_id()
        server.publish("order:created", order_event(first, ticket))
        wait_ticket(server.client(), ticket["id"], first)
        server.publish("order:created", order_event(second, ticket))
        server.publish("order:created", order_event(last, ticket))
        server.publish("order:cancelled", order_end(second, ticket))
        server.publish("order:cancelled", order_end(first, ticket))
        wait_ticket(server.client(), ticket["id"], last)
        wait_for(lambda: expect(server.monitor().get("/streaming"), 200).json["waiting_count"] == 0, 10,
                 "nothing to wait")
        assert get_ticket(server.client(), ticket["id"])["orderId"] == last


def test_an_early_expiration_event_expires_nothing(server):
    buyer = server.as_user()
    order = reserve(buyer, create_ticket(server.as_user())["id"])
    server.publish("expiration:complete", {"orderId": order["id"]})
    stays(lambda: get_order(buyer, order["id"])["status"] == "created", 0.5)
    pay(buyer, order["id"])
    wait_order(buyer, order["id"], "complete")


# --- poison

def test_poison_becomes_a_dead_letter_with_its_reason(server):
    good = ticket_event(new_id())
    poisons = [{**good, "id": new_id(), "version": -1}, {**good, "id": new_id(), "version": "0"},
               {**good, "id": new_id(), "version": 1.5}, {**good, "id": new_id(), "version": None},
               {**good, "id": "not an id"}, {**good, "id": 5}, {**good, "id": new_id(), "title": 5},
               {**good, "id": new_id(), "price": "free"}, {**good, "id": new_id(), "price": -1},
               {**good, "id": new_id(), "price": 0.001}, {**good, "id": new_id(), "userId": []},
               {"id": new_id(), "version": 0}, {}]
    poisons += [{name: value for name, value in good.items() if name != missing}
                for missing in good]
    with Cases() as case:
        for poison in poisons:
            with case(poison):
                expect_dead_or_refused(server, "ticket:created", poison)
    wait_orders_caught_up(server)


def expect_dead_or_refused(server, subject, data):
    """The publisher refuses what its catalogue rules out, or the event ends as a dead letter."""
    before = dead_letter_count(server, subject)
    if server.try_publish(subject, data).returncode != 0:
        return
    letter = wait_dead_letter(server, subject, before)[0]
    assert letter["reason"] and letter["consumer"], letter


def test_an_unknown_subject_is_refused_or_a_dead_letter(server):
    done = server.try_publish("nonsense:happened", {"id": new_id(), "version": 0})
    if done.returncode == 0:
        wait_for(lambda: dead_letter_count(server, "nonsense:happened"), 10, "a dead letter")
    else:
        assert done.stderr.strip(), "refused without a word"


def test_impossible_events_hold_up_nothing_else(server):
    """Events about things that do not exist, then one that is fine."""
    ghost = {"id": new_id(), "price": 20}
    server.publish("order:created", order_event(new_id(), ghost))
    server.publish("order:cancelled", order_end(new_id(), ghost, 5))
    server.publish("order:completed", {**order_end(new_id(), ghost), "userId": "x",
                                       "ticket": {"id": ghost["id"], "price": 20}})
    server.publish("payment:created", {"id": new_id(), "orderId": new_id(), "stripeId": "ch_ghost"})
    server.publish("expiration:complete", {"orderId": new_id()})
    server.publish("ticket:updated", ticket_event(new_id(), 1000000))
    wait_tickets_caught_up(server)
    wait_orders_caught_up(server)
    buyer = server.as_user()
    buy(buyer, create_ticket(server.as_user())["id"])


def test_dead_letters_survive_a_restart():
    with Server() as server:
        poison = ticket_event(new_id(), -1)
        if server.try_publish("ticket:created", poison).returncode != 0:
            server.publish("order:created", order_event(new_id(), {"id": "ghost", "price": 20}))
        wait_for(lambda: dead_letters(server)["dead_letter_count"], 10, "a dead letter")
        before = dead_letters(server)
        server.restart()
        wait_orders_caught_up(server)
        assert dead_letters(server)["dead_letter_count"] >= before["dead_letter_count"]


# --- monitoring

def test_health_and_readiness_answer_200(server):
    for path in ("/healthz", "/readyz"):
        assert server.client().get(path).status == 200, path


def test_channels_show_sequences_and_subscriptions(server):
    user_id = new_id()
    publish_users(server, user_id, 1)
    before = server.channel(SUBJECT)
    durable, group = f"durable-{new_id()}", f"group-{new_id()}"
    with server.listen(SUBJECT, "--durable", durable, "--queue-group", group, "--max-in-flight",
                       "7") as listener:
        publish_users(server, user_id, 2)
        wait_versions(listener, user_id, [2])
        listener.wait_acknowledged()
        channel = server.channel(SUBJECT)
        sub = listener.subscription()
        sequence = listener.messages[0]["sequence"]
    assert channel["last_seq"] > before["last_seq"] and channel["msgs"] > before["msgs"], channel
    assert 1 <= channel["first_seq"] <= channel["last_seq"], channel
    assert sub["durable_name"] == durable and sub["queue_name"] == group, sub
    assert sub["last_sent"] >= sequence and sub["max_inflight"] == 7, sub


def test_a_listener_that_left_is_no_subscription(server):
    with server.listen(SUBJECT) as listener:
        client_id = listener.client_id
    wait_for(lambda: client_id not in {sub["client_id"] for sub in server.subscriptions(SUBJECT)})


def test_services_are_seen_on_the_channels_they_listen_to(server):
    buy(server.as_user(), create_ticket(server.as_user())["id"])
    with Cases() as case:
        for subject, services in SUBJECTS_SERVED.items():
            with case(subject):
                groups = {sub["queue_name"] for sub in server.subscriptions(subject)}
                assert services <= groups, groups


def test_monitoring_answers_json(server):
    client = server.monitor()
    with Cases() as case:
        for path in ("/streaming", "/streaming/clientsz", "/streaming/channelsz",
                     "/streaming/channelsz?subs=1"):
            with case(path):
                assert isinstance(expect(client.get(path), 200).json, dict)
        with case("dead letters"):
            about = expect(client.get("/streaming"), 200).json
            assert isinstance(about["dead_letters"], list), about
            assert isinstance(about["dead_letter_count"], int), about


def test_events_flow_while_listeners_come_and_go(server):
    """Twelve listeners join and leave while events are published; one that stays misses none."""
    user_id = new_id()
    with server.listen(SUBJECT) as steady:
        publisher = threading.Thread(target=publish_users, args=(server, user_id, *range(1, 31)))
        publisher.start()
        for _ in range(12):
            with Listener(server, SUBJECT, ("--deliver-all",)):
                pass
        publisher.join()
        wait_versions(steady, user_id, list(range(1, 31)))
